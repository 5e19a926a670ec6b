import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Output } from '../../src/cli/output.ts';
import { formatDuration } from '../../src/cli/status-line.ts';
import { lockFile } from '../../src/host/lock.ts';
import { formatTarget, type Target } from '../../src/model/target.ts';
import { type CaseEnd, caseFiles, readEnd, TIMED_OUT, writeEnd } from './layout.ts';
import type { ListedProject } from './list.ts';
import { type Ending, summariseCase } from './read.ts';

export interface CorpusRun {
  readonly target: Target;
  /** Where the cases of this target go. */
  readonly folder: string;
  /** Options of `rennet build` beside project, target and `--json`. */
  readonly options: readonly string[];
  readonly boundMs: number;
  /** Ended cases with this outcome are run again; `all`: every one. */
  readonly again: string | undefined;
}

const LAUNCHER = join(import.meta.dirname, '../../rennet');
/** Between the order to end and the end by force. */
const GRACE_MS = 20_000;

/**
 * Runs `rennet build` for each project that has no end file yet, one after the other, each a process of its own as people start it. What it says is kept
 * as it comes; the end file is written last, so a run that was stopped loses one project at most.
 */
export async function runCases(
  list: readonly ListedProject[],
  run: CorpusRun,
  says: Pick<Output, 'progress' | 'note'>,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(run.folder, { recursive: true });
  const commit = await commitOfRennet(signal);
  const lock = await lockFile(join(run.folder, '.lock'), signal);
  try {
    await runAll(list, run, commit, says, signal);
  } finally {
    await lock.release();
  }
}

async function runAll(
  list: readonly ListedProject[],
  run: CorpusRun,
  commit: string | undefined,
  says: Pick<Output, 'progress' | 'note'>,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, listed] of list.entries()) {
    signal.throwIfAborted();
    if (!(await isWanted(listed, run))) continue;
    says.progress({ doing: stepOf(run.target, index, list.length, `building ${listed.project}`) });
    const end = await runCase(listed.project, run, signal);
    await writeEnd(caseFiles(run.folder, listed.project), { ...end, ...(commit === undefined ? {} : { commit }) });
    const { outcome } = await readOutcome(listed, run, end);
    says.note(`${listed.project}: ${outcome}, ${formatDuration(end.wallSeconds * 1000)}`);
  }
}

/** `bookworm/amd64, 7 of 90: building ftfy`. */
export function stepOf(target: Target, index: number, total: number, what: string): string {
  return `${formatTarget(target)}, ${index + 1} of ${total}: ${what}`;
}

async function isWanted(listed: ListedProject, run: CorpusRun): Promise<boolean> {
  const end = await readEnd(caseFiles(run.folder, listed.project));
  if (end === undefined || run.again === 'all') return true;
  return run.again !== undefined && (await readOutcome(listed, run, end)).outcome === run.again;
}

async function readOutcome(listed: ListedProject, { target, folder }: CorpusRun, end: CaseEnd): Promise<Ending> {
  const lines = await readFile(caseFiles(folder, listed.project).lines, 'utf8').catch(() => '');
  return summariseCase(listed, target, lines, end);
}

async function runCase(project: string, run: CorpusRun, signal: AbortSignal): Promise<CaseEnd> {
  const files = caseFiles(run.folder, project);
  await rm(files.end, { force: true });
  const [lines, said] = await Promise.all([open(files.lines, 'w'), open(files.said, 'w')]);
  const startedAt = performance.now();
  try {
    const args = ['build', '--json', '--target', formatTarget(run.target), ...run.options, '--', project];
    // A process group of its own: ^C reaches it by way of us alone, and all of it can be killed.
    const child = spawn(LAUNCHER, args, { stdio: ['ignore', lines.fd, said.fd], detached: true });
    let isLate = false;
    let killing: NodeJS.Timeout | undefined;
    const stop = () => {
      killGroup(child.pid, 'SIGTERM');
      killing ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
    };
    const timer = setTimeout(() => {
      isLate = true;
      stop();
    }, run.boundMs);
    signal.addEventListener('abort', stop, { once: true });
    const [status] = (await once(child, 'exit').finally(() => {
      clearTimeout(timer);
      clearTimeout(killing);
      signal.removeEventListener('abort', stop);
    })) as [number | null];
    killGroup(child.pid, 'SIGKILL');
    signal.throwIfAborted();
    return { status: isLate ? TIMED_OUT : (status ?? 128), wallSeconds: (performance.now() - startedAt) / 1000 };
  } finally {
    await Promise.all([lines.close(), said.close()]);
  }
}

function killGroup(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // none of it is left
  }
}

/** `9752191`, with `+` where files differ from it; undefined outside a git checkout. */
async function commitOfRennet(signal: AbortSignal): Promise<string | undefined> {
  const git = (...args: readonly string[]) =>
    execa('git', ['-C', join(LAUNCHER, '..'), ...args], { reject: false, cancelSignal: signal, stdin: 'ignore' });
  const head = await git('rev-parse', '--short', 'HEAD');
  if (head.failed) return undefined;
  const changes = await git('status', '--porcelain', '--untracked-files=no');
  return `${head.stdout.trim()}${changes.stdout.trim() === '' ? '' : '+'}`;
}
