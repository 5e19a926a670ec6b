import { mkdir, realpath } from 'node:fs/promises';
import { execa } from 'execa';
import { RennetError } from '../../model/errors.ts';
import { wheelReportSchema, type WheelFacts } from '../wheel-report.ts';
import { readerCommand } from './reader-command.ts';
import { spool, SpoolLimit, type Spooled } from './spool.ts';

const WALL_MS = 300_000;

export type ReadResult =
  | { readonly facts: WheelFacts; readonly contents: readonly Spooled[] }
  | { readonly refused: { readonly rule: string; readonly detail: string } };

/**
 * Reads a hostile wheel in a process of its own, which can write nothing but its standard output: contents arrive as
 * numbered files below `folder` (made here), the report is checked against its schema.
 * RennetError `cancelled` on abort, `missing-tool`, `no-space`; the process is dead when this returns or throws.
 */
export async function readInOwnProcess(wheel: string, folder: string, signal: AbortSignal): Promise<ReadResult> {
  await mkdir(folder, { mode: 0o700 });
  const [command = '', ...args] = await readerCommand(await realpath(wheel));
  const child = execa(command, args, {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
    extendEnv: false,
    stdin: 'ignore',
    encoding: 'buffer',
    buffer: { stdout: false, stderr: true },
    maxBuffer: 64 * 1024,
    timeout: WALL_MS,
    killSignal: 'SIGKILL',
    cancelSignal: signal,
    reject: false,
  });
  const spooled = await spool(child.stdout, folder).catch((error: unknown) => ({ error }));
  if ('error' in spooled) child.kill('SIGKILL');
  const end = await child;
  if (signal.aborted) throw new RennetError('cancelled', 'The reading of the wheel was cancelled.');
  if ('error' in spooled && spooled.error instanceof SpoolLimit)
    return refused(spooled.error.rule, 'the reading was stopped at a bound');
  if ('error' in spooled && hasCode(spooled.error, 'ENOSPC'))
    throw new RennetError(
      'no-space',
      'There is no space left for the content of the wheel.',
      'Free space and try again.',
      { cause: spooled.error },
    );
  if (end.code === 'ENOENT') throw new RennetError('missing-tool', `${command} of util-linux is not installed.`);
  // Out of time, of CPU seconds or of memory (V8 aborts): all of them are the archive's doing.
  if (end.timedOut || end.signal !== undefined || end.exitCode === 134)
    return refused('reading-limit', 'the reading did not come to an end within its bounds');
  if ('error' in spooled || end.failed)
    throw new RennetError('defect', 'The process that reads wheels failed.', 'Report this with the log.', {
      cause: 'error' in spooled ? spooled.error : end,
    });
  return checked(spooled);
}

function checked({ contents, report }: { contents: Spooled[]; report: string }): ReadResult {
  const parsed = wheelReportSchema.safeParse(JSON.parse(report));
  if (!parsed.success) return refused('metadata', 'the metadata is larger than any real one');
  if ('refused' in parsed.data) return parsed.data;
  if (parsed.data.files.length !== contents.length)
    throw new RennetError('defect', 'The process that reads wheels sent other files than it reported.');
  return { facts: parsed.data, contents };
}

function refused(rule: string, detail: string): ReadResult {
  return { refused: { rule, detail } };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
