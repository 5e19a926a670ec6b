import { setMaxListeners } from 'node:events';
import { RennetError } from '../model/errors.ts';
import { AttemptEnd } from '../model/outcome.ts';
import type { StateFolder } from '../model/state.ts';
import { type CommonOptions, findState } from './options.ts';
import { createOutput, type Output } from './output.ts';

/** Exit statuses that scripts rely on (DESIGN, "Command line"). */
export const EXIT = { success: 0, package: 1, usage: 2, infrastructure: 3 } as const;
const EXIT_OF_KIND = { user: EXIT.usage, package: EXIT.package, infrastructure: EXIT.infrastructure };

/** What a command gets to work with. */
export interface CommandContext {
  readonly output: Output;
  readonly state: StateFolder;
  /** Aborted by ^C, SIGTERM or SIGHUP; a second signal ends the process at once. */
  readonly signal: AbortSignal;
}

/** Runs one command: output, signals, errors in one sentence, exit status. */
export async function runCommand(
  options: CommonOptions,
  body: (context: CommandContext) => Promise<number>,
): Promise<void> {
  const output = createOutput({ json: options.json });
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const onSignal = (name: NodeJS.Signals) => {
    if (abort.signal.aborted) process.exit(EXIT.infrastructure);
    output.note(`${name}: ending the running work; once more ends it at once`);
    abort.abort(new RennetError('cancelled', 'The run was cancelled; nothing of it was published.'));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  try {
    process.exitCode = await body({ output, state: findState(options.state), signal: abort.signal });
  } catch (error) {
    const known = abort.signal.aborted ? (abort.signal.reason as RennetError) : asRennetError(error);
    output.error(known);
    process.exitCode = EXIT_OF_KIND[known.kind];
  } finally {
    output.close();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, onSignal);
  }
}

/** Turns whatever was thrown into an error with a sentence; what nobody foresaw is called a defect of Rennet. */
export function asRennetError(error: unknown): RennetError {
  if (error instanceof RennetError) return error;
  if (error instanceof AttemptEnd)
    return new RennetError(
      'defect',
      error.outcome.sentence,
      'This outcome should have been recorded; please report it.',
    );
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC')
    return new RennetError(
      'no-space',
      'A file system is full.',
      'Free space in the state folder or name another one with --state.',
      {
        cause: error,
      },
    );
  const text =
    error instanceof Error
      ? process.env['RENNET_DEBUG']
        ? (error.stack ?? error.message)
        : error.message
      : String(error);
  return new RennetError(
    'defect',
    `Rennet itself failed: ${text
      .split('\n')
      .slice(0, process.env['RENNET_DEBUG'] ? 40 : 1)
      .join('\n')}`,
    'This is a defect of Rennet; RENNET_DEBUG=1 shows where.',
    {
      cause: error,
    },
  );
}
