import { chmod, lstat, mkdir, readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';

const MIB = 1024 * 1024;

/**
 * Makes the memory folder of a state where it is missing. Its name can be guessed and /dev/shm is writable for everyone, so a
 * folder that somebody else made there is refused. RennetError `state-unwritable`.
 */
export async function ensureMemoryFolder(state: StateFolder): Promise<void> {
  try {
    await mkdir(state.memory, { mode: 0o711 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw new RennetError('state-unwritable', `The folder ${state.memory} cannot be made.`, 'Check /dev/shm.', {
        cause: error,
      });
    }
    const found = await lstat(state.memory);
    if (!found.isDirectory() || found.uid !== process.getuid?.()) {
      throw new RennetError(
        'state-unwritable',
        `The folder ${state.memory} belongs to somebody else (user ${found.uid}).`,
        'Remove it, or use another --state folder.',
      );
    }
  }
  await chmod(state.memory, 0o711);
}

/** Refuses to go on where the file system of `folder` has less than `needMiB` left. RennetError `no-space` with the figures. */
export async function requireSpace(folder: string, needMiB: number, what: string): Promise<void> {
  const freeMiB = await freeSpaceMiB(folder);
  if (freeMiB >= needMiB) return;
  throw new RennetError(
    'no-space',
    `${what} needs ${needMiB} MiB in ${folder}, which has ${freeMiB} MiB left.`,
    'Free space there (rennet gc), or use another --state folder.',
  );
}

/** Refuses to go on where the host has less than `needMiB` of memory left. RennetError `no-memory` with the figures. */
export async function requireMemory(needMiB: number, what: string): Promise<void> {
  const availableMiB = readAvailableMiB(await readFile('/proc/meminfo', 'utf8'));
  if (availableMiB >= needMiB) return;
  throw new RennetError(
    'no-memory',
    `${what} needs ${needMiB} MiB of memory, of which this host has ${availableMiB} MiB left.`,
    'End other programs, or run fewer guests at once.',
  );
}

/** Free space of the file system that holds `folder` or, where that is missing, its parent. */
export async function freeSpaceMiB(folder: string): Promise<number> {
  const figures = await statfs(folder).catch(() => statfs(dirname(folder)));
  return Math.floor((figures.bavail * figures.bsize) / MIB);
}

/** `MemAvailable` of /proc/meminfo. Pure. */
export function readAvailableMiB(meminfo: string): number {
  return Math.floor(Number(/^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) / 1024);
}
