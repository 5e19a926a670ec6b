import { statfs } from 'node:fs/promises';
import { RennetError } from '../model/errors.ts';

const MIB = 1024 * 1024;

/** Refuses with `no-space` and the figures when the file system of `folder` has less than `mebibytes` left for us. */
export async function requireSpace(folder: string, mebibytes: number, purpose: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeMiB = Math.floor((bavail * bsize) / MIB);
  if (freeMiB >= mebibytes) return;
  throw new RennetError(
    'no-space',
    `${folder} has ${freeMiB} MiB free; ${purpose} needs ${mebibytes} MiB.`,
    'Free space there, or name a state folder on a larger disk with --state.',
  );
}

/** Turns an error of the file system into a sentence; gives anything else back as it came. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new RennetError(
        'no-space',
        `The file system of ${path} is full; nothing was lost.`,
        'Free space there (rennet gc helps) and run the command again.',
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EIO':
      return new RennetError(
        'state-unwritable',
        `The state folder cannot be written: ${(error as Error).message}.`,
        'Run as its owner, or name another folder with --state or RENNET_STATE.',
        { cause: error },
      );
    default:
      return error;
  }
}
