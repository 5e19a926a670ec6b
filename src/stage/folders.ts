import { execa } from 'execa';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RennetError } from '../model/errors.ts';

/**
 * A folder of the cache that is there whole or not at all: `fill` writes into a scratch folder, which gets its name at the end. Safe for several
 * processes at once and for a power cut (the contents reach the disk before the name does).
 */
export async function ensureFolder(
  place: string,
  fill: (scratch: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  if (await exists(place)) return;
  await mkdir(dirname(place), { recursive: true });
  const scratch = await mkdtemp(join(dirname(place), `.unpack-${process.pid}-`));
  try {
    await fill(scratch);
    await run('sync', ['--file-system', scratch], signal);
    await rename(scratch, place).catch(async (error: unknown) => {
      // Another process was faster.
      if (!(await exists(place))) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Copies the contents of folders into one. */
export async function copyTrees(trees: readonly string[], into: string, signal: AbortSignal): Promise<void> {
  await mkdir(into, { recursive: true });
  const sources = trees.map((tree) => `${tree}/.`);
  const linked = await execa('cp', ['--archive', '--link', '--force', ...sources, into], {
    reject: false,
    cancelSignal: signal,
  });
  if (linked.exitCode === 0) return;
  await run('cp', ['--archive', '--force', ...sources, into], signal);
}

/** Runs a program of the host on trusted input. RennetError `no-space`, `missing-tool`, `cancelled`, `defect`. */
export async function run(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const result = await execa(program, args, {
    reject: false,
    cancelSignal: signal,
    maxBuffer: 64 * 1024 * 1024,
    env: { LC_ALL: 'C.UTF-8' },
  });
  if (signal.aborted) throw new RennetError('cancelled', 'Preparing the inputs was cancelled.');
  if (result.exitCode === 0) return result.stdout;
  if (result.stderr.includes('No space left on device')) {
    throw new RennetError(
      'no-space',
      'There is no space left for the inputs of a guest.',
      'Free space in the state folder.',
    );
  }
  if (result.exitCode === undefined)
    throw new RennetError('missing-tool', `${program} could not be run: ${result.shortMessage}`);
  throw new RennetError(
    'defect',
    `${program} failed while inputs were prepared: ${result.stderr.split('\n')[0] ?? ''}`,
  );
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
