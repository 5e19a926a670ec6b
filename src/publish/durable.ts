import { chmod, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, syncFolder } from '../host/files.ts';
import { removeLeftovers } from './scratch.ts';

/**
 * Puts a file in place so that a reader sees the old content or the new one, and a power cut leaves one of them: written
 * beside, fsynced, renamed, folder fsynced. Readable for everyone, whatever the umask. `mtime` is in seconds since 1970.
 * Errors: `no-space`, `state-unwritable`.
 */
export async function writeDurably(path: string, content: string | Uint8Array, mtime?: number): Promise<void> {
  const temporary = temporaryBeside(path);
  await onDisk(path, async () => {
    try {
      await prepareFolder(dirname(path));
      await using file = await open(temporary, 'wx', 0o644);
      await file.writeFile(content);
      await file.chmod(0o644);
      if (mtime !== undefined) await file.utimes(mtime, mtime);
      // A failed fsync is never tried again: the kernel may have dropped the pages.
      await file.sync();
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

/** Gives a stored blob a second name, as a hard link where the file system allows it, else as a copy. Errors: as above. */
export async function placeBlob(blob: string, path: string): Promise<void> {
  const temporary = temporaryBeside(path);
  await onDisk(path, async () => {
    try {
      await prepareFolder(dirname(path));
      await linkOrCopy(blob, temporary);
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

/** Makes a folder and its parents, each 0755: apt's `_apt` user has to get through. */
export async function makeReadableFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await chmod(made, 0o755);
    await syncFolder(dirname(made));
  }
}

/** Names of files that a killed process leaves behind; they go when something is next put into their folder. */
const TEMPORARY_NAME = /^\.rennet-(\d+)-\d+\.tmp$/;

async function prepareFolder(folder: string): Promise<void> {
  await makeReadableFolder(folder);
  await removeLeftovers(folder, TEMPORARY_NAME);
}

let counter = 0;

function temporaryBeside(path: string): string {
  counter += 1;
  return join(dirname(path), `.rennet-${process.pid}-${counter}.tmp`);
}

async function linkOrCopy(blob: string, path: string): Promise<void> {
  const { mode } = await stat(blob);
  // A link shares the mode with the blob; one that others may not read is copied.
  if ((mode & 0o444) === 0o444 && (await tryLink(blob, path))) return;
  await using from = await open(blob, 'r');
  await using to = await open(path, 'wx', 0o644);
  for await (const chunk of from.createReadStream({ autoClose: false })) await to.writeFile(chunk as Buffer);
  await to.chmod(0o644);
  await to.sync();
}

async function tryLink(blob: string, path: string): Promise<boolean> {
  try {
    await link(blob, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another file system, too many links, or a file system without links (fs.protected_hardlinks gives EPERM).
    if (code === 'EXDEV' || code === 'EMLINK' || code === 'EPERM' || code === 'ENOTSUP') return false;
    throw error;
  }
}

async function onDisk(path: string, act: () => Promise<void>): Promise<void> {
  await act().catch((error: unknown) => {
    throw fileError(error, dirname(path), 'the published archive is as it was before');
  });
}
