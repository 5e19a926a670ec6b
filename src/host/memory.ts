import { chmod, lstat, mkdir, readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { fileError } from './files.ts';

const MIB = 1024 * 1024;
/** f_type of tmpfs, statfs(2). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Makes the memory folder of a state where it is missing. /dev/shm is writable for everyone, so a folder that waits there under our
 * name may be a trap: it must be a real folder of ours, in memory. Guests' users pass through it, so others may enter, but not list.
 * RennetError `state-unwritable`, `no-space`.
 */
export async function ensureMemoryFolder(state: StateFolder): Promise<void> {
  const { memory } = state;
  try {
    const made = await mkdir(memory, { recursive: true });
    await findMemoryFolder(state);
    if (made !== undefined) await chmod(memory, 0o711);
    if ((await statfs(memory)).type !== TMPFS_MAGIC)
      throw new RennetError(
        'state-unwritable',
        `${memory} does not lie in memory: /dev/shm is no tmpfs on this host.`,
        'Mount one with: mount -t tmpfs tmpfs /dev/shm',
      );
  } catch (error) {
    throw fileError(error, memory);
  }
}

/** False where a state has no memory folder. RennetError `state-unwritable` where what lies there is not ours alone to change. */
export async function findMemoryFolder({ memory }: StateFolder): Promise<boolean> {
  const found = await lstat(memory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw fileError(error, memory);
  });
  if (found === undefined) return false;
  if (found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0) return true;
  throw new RennetError(
    'state-unwritable',
    `${memory} belongs to another user (uid ${found.uid}), or others may change it.`,
    'Remove it, or name another state folder with --state.',
  );
}

/** Refuses to go on where the file system of `folder` has less than `needMiB` left. RennetError `no-space` with the figures. */
export async function requireSpace(folder: string, needMiB: number, what: string): Promise<void> {
  const freeMiB = await freeSpaceMiB(folder);
  if (freeMiB >= needMiB) return;
  throw new RennetError(
    'no-space',
    `${what} needs ${needMiB} MiB in ${folder}, which has ${freeMiB} MiB left.`,
    'Free space there, or name a state folder on a larger disk with --state.',
  );
}

/** Refuses to go on where the host has less than `needMiB` of memory left. RennetError `no-memory` with the figures. */
export async function requireMemory(needMiB: number, what: string, available?: number): Promise<void> {
  const availableMiB = available ?? (await availableMemoryMiB());
  if (availableMiB >= needMiB) return;
  throw new RennetError(
    'no-memory',
    `${what} needs ${needMiB} MiB of memory, of which this host has ${availableMiB} MiB left.`,
    'End other programs, or run fewer guests at once.',
  );
}

/** What this host could give to programs now without swapping. */
export async function availableMemoryMiB(): Promise<number> {
  return readAvailableMiB(await readFile('/proc/meminfo', 'utf8'));
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
