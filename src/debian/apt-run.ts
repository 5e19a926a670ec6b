import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';

export interface AptResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** Lines that begin with `E:` or `W:`, without the letter, errors first. */
  readonly complaints: readonly string[];
  readonly stderr: string;
}

export interface AptRun {
  /** `APT_CONFIG`; undefined asks the host's own apt. */
  readonly configFile?: string;
  /** Calls with a line of `APT::Status-Fd`. */
  readonly onStatus?: (line: string) => void;
  /** Lock file that is held while the command runs; waits for whoever holds it. */
  readonly lock?: string;
}

const STATUS_FD = 3;

/** The percentage of a `dlstatus` line of `APT::Status-Fd`. */
export function downloadPercent(line: string): number | undefined {
  const percent = /^dlstatus:[^:]*:([\d.]+):/.exec(line)?.[1];
  return percent === undefined ? undefined : Number(percent);
}

/**
 * Runs one of apt's programs in the C locale. Does not throw on a non-zero status.
 * RennetError `missing-tool` where the host has no apt, `cancelled` on abort (the program is ended with it).
 */
export async function runApt(
  program: string,
  args: readonly string[],
  run: AptRun,
  signal: AbortSignal,
): Promise<AptResult> {
  const status = run.onStatus ? ['-o', `APT::Status-Fd=${STATUS_FD}`] : [];
  // --no-fork: flock becomes the program itself, so that ending it ends apt and frees the lock.
  const [file, ...rest] =
    run.lock === undefined
      ? [program, ...status, ...args]
      : ['flock', '--exclusive', '--no-fork', run.lock, program, ...status, ...args];
  const child = execa(file ?? program, rest, {
    reject: false,
    cancelSignal: signal,
    // Never in memory without end: a closure prints some hundred lines.
    maxBuffer: 64 * 1024 * 1024,
    env: { LC_ALL: 'C.UTF-8', APT_CONFIG: run.configFile ?? '' },
    stdio: ['ignore', 'pipe', 'pipe', run.onStatus ? 'pipe' : 'ignore'],
  });
  const { onStatus } = run;
  if (onStatus) {
    for await (const line of child.iterable({ from: `fd${STATUS_FD}` })) onStatus(line);
  }
  const result = await child;
  if (signal.aborted) throw new RennetError('cancelled', `${program} was cancelled.`);
  if (result.exitCode === undefined) {
    throw new RennetError(
      'missing-tool',
      `${file} could not be run: ${result.shortMessage}`,
      'Rennet needs a Debian or Ubuntu host with apt.',
      { cause: result.cause },
    );
  }
  const lines = result.stderr.split('\n');
  const marked = (letter: string): string[] =>
    lines.filter((line) => line.startsWith(`${letter}: `)).map((line) => line.slice(3).trim());
  return {
    exitCode: result.exitCode,
    stdout: result.stdout,
    complaints: [...marked('E'), ...marked('W')],
    stderr: result.stderr,
  };
}
