import { link, lstat, mkdir, rm } from 'node:fs/promises';
import { type Server, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { fileError, removeAbandoned } from '../../host/files.ts';
import { lockFile } from '../../host/lock.ts';
import { temporaryName } from '../../host/process-owner.ts';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';

/**
 * Where the slots of this user are locked. Root's slots have user ids, which count on the whole host, so all state folders share them;
 * a plain user's are folders in one state's memory. Nobody else may write there: a lock that others could take would let them
 * keep every guest away.
 */
export function slotLocks(state: StateFolder): string {
  return process.geteuid?.() === 0 ? '/run/rennet-slots' : join(state.memory, 'slot-locks');
}

/** Where the guest of a slot tells what it may take of the host's memory (room.ts). */
export function claimPath(state: StateFolder, number: number): string {
  return join(slotLocks(state), `${number}.claim`);
}

/**
 * Holds a lock until it is released or this process ends, however it ends; undefined while somebody else does. A lock is a name for a
 * socket that its holder listens on: link(2) gives the name to one only, the kernel tells by a connection whether its holder lives, in any
 * container that shares the folder. Takes 1 ms. RennetError `state-unwritable`.
 */
export async function takeSlotLock(folder: string, name: string): Promise<(() => Promise<void>) | undefined> {
  await ensureOwnFolder(folder);
  const path = join(folder, name);
  if ((await holderOf(path)) === 'lives') return undefined;
  const beside = join(folder, temporaryName());
  const server = await listen(beside);
  try {
    const taken = (await linked(beside, path)) || ((await removeDead(folder, path)) && (await linked(beside, path)));
    if (!taken) {
      await close(server);
      return undefined;
    }
  } catch (error) {
    await close(server);
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
  return async () => {
    await rm(path, { force: true });
    await close(server);
  };
}

/** Gives the name to our socket, which listens already; false when the name is taken. */
async function linked(socket: string, path: string): Promise<boolean> {
  try {
    await link(socket, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** True when the name is free, after its holder was killed. Under a lock: two at once would free the name that the first of them has taken anew. */
async function removeDead(folder: string, path: string): Promise<boolean> {
  if ((await holderOf(path)) === 'lives') return false;
  const lock = await lockFile(join(folder, 'free.lock'), new AbortController().signal);
  try {
    await removeAbandoned(folder);
    if (await wasKilled(path)) await rm(path, { force: true });
    return (await holderOf(path)) === 'none';
  } finally {
    await lock.release();
  }
}

/** A holder that releases takes the name away before it stops to listen: one that is dead and still has its name was killed. */
async function wasKilled(path: string): Promise<boolean> {
  const inode = async () => (await lstat(path).catch(() => undefined))?.ino;
  const before = await inode();
  return (await holderOf(path)) === 'dead' && before !== undefined && (await inode()) === before;
}

/** Whether a living process holds a lock. */
export async function isHeld(folder: string, name: string): Promise<boolean> {
  return (await holderOf(join(folder, name))) === 'lives';
}

function holderOf(path: string): Promise<'lives' | 'dead' | 'none'> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('lives');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('none');
      // Whatever else there is to say, such as a full queue, comes from one who lives.
      else resolve(error.code === 'ECONNREFUSED' ? 'dead' : 'lives');
    });
  });
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

async function ensureOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw fileError(error, folder);
  });
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return;
  throw new RennetError('state-unwritable', `${folder} is not ours alone.`, 'Remove it; it is made again.');
}
