import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const DEADLINE_MS = 120_000;

export interface CommandOptions {
  /** Put in front of the command, for a namespace or another user. */
  readonly wrap?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Arguments as they are: without `--json`. */
  readonly plain?: boolean;
}

export interface EndedCommand {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Every line of standard output, which must be a JSON object with `event` and `at`. */
  readonly events: readonly Event[];
}
export type Event = { readonly event: string } & Readonly<Record<string, unknown>>;

/** The command line itself in a process of its own. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedCommand>;
  /** Waits for words on standard error; fails when the command ends without them. */
  says(pattern: RegExp): Promise<void>;
}

/** Starts `rennet …` as a user does; nothing of pip's settings on this host counts. */
export function startRennet(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PIP_|RENNET_|NODE_|VITEST)/.test(name));
  const env = { ...Object.fromEntries(inherited), PIP_CONFIG_FILE: '/dev/null', ...options.env };
  const node = [process.execPath, '--use-system-ca', '--disable-warning=ExperimentalWarning', MAIN];
  const [file = '', ...rest] = [...(options.wrap ?? []), ...node, ...args, ...(options.plain ? [] : ['--json'])];
  const child = spawn(file, rest, { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const ended = new Promise<EndedCommand>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      try {
        resolve({ status, signal, stdout, stderr, events: options.plain ? [] : eventsOf(stdout) });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  return {
    child,
    ended,
    async says(pattern) {
      for (const deadline = Date.now() + DEADLINE_MS; !pattern.test(stderr); await sleep(5))
        if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline)
          throw new Error(`the command never said ${String(pattern)}:\n${stderr}`);
    },
  };
}

export async function rennet(args: readonly string[], options: CommandOptions = {}): Promise<EndedCommand> {
  return startRennet(args, options).ended;
}

/** Standard output of `--json` holds JSON lines and nothing else. */
function eventsOf(stdout: string): Event[] {
  const lines = stdout.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => {
    const event = JSON.parse(line) as Event;
    expect(event).toMatchObject({ event: expect.any(String), at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) });
    return event;
  });
}

/** What every failure has in common: one error event, the same sentence for people, the right status. */
export function expectError(ended: EndedCommand, code: string, status: 1 | 2 | 3): { sentence: string; hint: string } {
  const errors = ended.events.filter(({ event }) => event === 'error');
  expect(errors, ended.stderr).toHaveLength(1);
  const kind = { 1: 'package', 2: 'user', 3: 'infrastructure' }[status];
  expect(errors[0]).toMatchObject({ code, kind });
  expect(ended.status, ended.stderr).toBe(status);
  const { sentence, hint } = errors[0] as unknown as { sentence: string; hint: string };
  expectSentence(sentence);
  expect(ended.stderr).toContain(sentence);
  expect(ended.stderr).toContain(hint);
  return { sentence, hint };
}

/** What an attempt that ended in the flow shows. */
export function expectAttempt(ended: EndedCommand, outcome: string, status: 0 | 1 | 3): Event {
  const attempts = ended.events.filter(({ event }) => event === 'attempt');
  expect(attempts, ended.stderr).toHaveLength(1);
  expect(attempts[0], ended.stderr).toMatchObject({ outcome });
  expect(ended.status, ended.stderr).toBe(status);
  expect(ended.events.at(-1)).toMatchObject({ event: 'summary' });
  expectSentence(String(attempts[0]?.['sentence']));
  return attempts[0] as Event;
}

/** One line that begins as a sentence and ends as one, and neither a stack nor a control character. */
export function expectSentence(sentence: string): void {
  expect(sentence).toMatch(/^[^\p{Cc}]{10,}[.)]$/u);
  expect(sentence).not.toMatch(/\bat .*:\d+:\d+|undefined|\[object|Rennet itself failed/);
}
