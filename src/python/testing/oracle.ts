import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Debian 12's own `packaging` (23.0) answers differently on `<` and `>`, so the oracle is pinned. */
const PACKAGING = '26.3';
const HOME = join(import.meta.dirname, '../../../.tools/oracle');

/** What can be asked; `prereleases` undefined means Python's None. */
export type Question =
  | { op: 'contains'; specifier: string; version: string; prereleases?: boolean }
  | { op: 'compare'; a: string; b: string }
  | { op: 'canonical'; version: string }
  | { op: 'marker'; marker: string; env: Readonly<Record<string, string>> }
  | { op: 'requirement'; requirement: string }
  | { op: 'tags'; tag: string; python: string; platforms: readonly string[] };

/** `error` is the name of Python's exception. */
export interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

export interface Oracle {
  /** Answers in the order of the questions; one round trip however many there are. */
  ask(questions: readonly Question[]): Promise<Answer[]>;
  close(): void;
}

/** Starts one Python process that answers with `packaging` 26; the first use on a machine installs it below `.tools`. */
export async function packagingOracle(): Promise<Oracle> {
  const folder = await installPackaging();
  const child = spawn('python3', [join(import.meta.dirname, 'oracle.py'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  return {
    ask(questions) {
      const answers = turn.then(() => roundTrip(child, lines, questions));
      turn = answers.catch(() => undefined);
      return answers;
    },
    close: () => child.kill(),
  };
}

async function roundTrip(
  child: ChildProcess,
  lines: AsyncIterator<string>,
  questions: readonly Question[],
): Promise<Answer[]> {
  child.stdin?.write(`${JSON.stringify(questions)}\n`);
  const line = await lines.next();
  if (line.done) throw new Error('the oracle ended');
  return JSON.parse(line.value) as Answer[];
}

/** Installs into a folder of its own and renames it, so that test files that come at once do not meet a half one. */
async function installPackaging(): Promise<string> {
  const folder = join(HOME, `packaging-${PACKAGING}`);
  if (await exists(folder)) return folder;
  await mkdir(HOME, { recursive: true });
  const fresh = await mkdtemp(join(HOME, 'new-'));
  try {
    await runPip(['install', '--quiet', '--no-deps', '--target', fresh, `packaging==${PACKAGING}`]);
    await rename(fresh, folder);
  } catch (error) {
    if (!(await exists(folder))) throw error;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return folder;
}

/** A python3 in front of the system's may lack pip; Debian's python3-pip belongs to /usr/bin/python3. */
async function runPip(parameters: readonly string[]): Promise<void> {
  const run = (python: string) => promisify(execFile)(python, ['-m', 'pip', ...parameters]);
  try {
    await run('python3');
  } catch {
    await run('/usr/bin/python3');
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
