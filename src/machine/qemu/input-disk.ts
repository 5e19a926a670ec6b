import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { RennetError } from '../../model/errors.ts';
import { requireSpace } from '../../host/memory.ts';
import { INPUT_DISK_BYTES } from './arguments.ts';

/**
 * Writes a folder as the input disk: squashfs, not compressed (the disk lies in memory and is read once), everything root's and of
 * time 0, padded with a hole to the fixed size. `path`: a file that a paused machine has open already and that is filled in place; a
 * new one in `folder` where it is not given. RennetError `no-space`, `too-large`, `cancelled`.
 */
export async function writeInputDisk(
  input: string,
  folder: string,
  signal: AbortSignal,
  path = join(folder, 'input.squashfs'),
): Promise<string> {
  const { stdout } = await execa('du', ['--summarize', '--block-size=1M', input]);
  await requireSpace(folder, Number(stdout.split('\t')[0]) + 16, "A guest's input disk");
  const plain = ['-noI', '-noD', '-noF', '-noX', '-no-xattrs', '-no-exports', '-no-duplicates'];
  const fixed = ['-all-root', '-all-time', '0', '-mkfs-time', '0', '-noappend'];
  try {
    await execa('mksquashfs', [input, path, ...plain, ...fixed, '-processors', '1', '-quiet', '-no-progress'], {
      cancelSignal: signal,
      stdin: 'ignore',
    });
  } catch (error) {
    if (signal.aborted) throw new RennetError('cancelled', 'Writing the input disk was stopped.');
    throw new RennetError('no-space', `The input disk cannot be written to ${folder}.`, 'Check the space there.', {
      cause: error,
    });
  }
  const { size } = await stat(path);
  if (size > INPUT_DISK_BYTES) {
    throw new RennetError('too-large', `The job's input has ${size} bytes; a guest's disk takes ${INPUT_DISK_BYTES}.`);
  }
  await truncate(path, INPUT_DISK_BYTES);
  return path;
}
