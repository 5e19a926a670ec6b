import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';
import { isAbandoned, temporaryName } from './process-owner.ts';

/** Lower-case hex sha256 of a file's content. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, signal ? { signal } : {});
  return hash.digest('hex');
}

/** What a file takes of its file system, MiB; holes take nothing. */
export async function usedMiB(path: string): Promise<number> {
  return Math.ceil((await stat(path)).blocks / 2048);
}

/** Copies a file without its holes. RennetError `no-space`, `cancelled`. */
export async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await execa('cp', ['--sparse=always', '--reflink=never', from, to], { cancelSignal: signal });
  } catch (error) {
    if (signal.aborted) throw new RennetError('cancelled', `Copying to ${to} was stopped.`);
    throw new RennetError('no-space', `${from} cannot be copied to ${to}.`, 'Check the space there.', { cause: error });
  }
}

/** Makes a rename in this folder durable (fsync(2): the file's own fsync does not cover its directory entry). */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/**
 * Replaces a small file: a reader, and a start after a power cut, finds the old content or the new one. The folder exists. The name is
 * not made durable (syncFolder does that): for what can be made again.
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const beside = `${path}.${temporaryName()}`;
  try {
    await writeFile(beside, content, { mode, flag: 'wx', flush: true });
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}

/** Removes what processes that are gone left in a folder under a name of `temporaryName`. The folder may be missing. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    if (isAbandoned(name)) await rm(join(folder, name), { recursive: true, force: true });
}

/** Replaces a small JSON file for its owner alone, and makes its folder where it is missing. See replaceFile. */
export async function writeJson(path: string, content: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, JSON.stringify(content), 0o600);
}

/** Content of a JSON file of ours; undefined where it is missing or broken. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Turns an error of the file system into a sentence; gives anything else back as it came. `unharmed` says what a full disk did not hurt.
 * RennetError `no-space`, `state-unwritable`.
 */
export function fileError(error: unknown, path: string, unharmed = 'nothing was lost'): unknown {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new RennetError(
        'no-space',
        `The file system of ${path} is full; ${unharmed}.`,
        'Free space there and run the command again.',
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EIO':
      return new RennetError(
        'state-unwritable',
        `${path} cannot be written: ${(error as Error).message}.`,
        'Run as the owner of the state folder, or name another one with --state or RENNET_STATE.',
        { cause: error },
      );
    default:
      return error;
  }
}
