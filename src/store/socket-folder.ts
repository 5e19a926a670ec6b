import { chmod, lstat, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';

/**
 * Call it before every connection to the private server: the folder above the socket's may lie in /tmp, where everyone can put one under
 * our name first and answer as our database. Makes it where it is missing, so that nobody can between this look and the connection, and
 * refuses any but a real one that we alone write; for a plain user the socket's own folder (0700) as well. The two stand for each
 * other: a folder's name cannot be changed by others below one of ours, nor in /tmp (sticky). RennetError `state-unwritable`.
 */
export async function requireOwnSocketFolder(folder: string): Promise<void> {
  const parent = dirname(folder);
  const isRoot = process.geteuid?.() === 0;
  try {
    // Root's is passed by the service user, to whom the folder below belongs.
    const mode = isRoot ? 0o755 : 0o700;
    if (await makeMissing(parent, mode)) await chmod(parent, mode);
    await requireOwn(parent, 0o022);
    if (!isRoot) await requireOwn(folder, 0o077);
  } catch (error) {
    throw fileError(error, parent);
  }
}

async function makeMissing(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdir(folder, { mode });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** A missing one is no trap. */
async function requireOwn(folder: string, forbidden: number): Promise<void> {
  const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!found || (found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & forbidden) === 0)) return;
  throw new RennetError(
    'state-unwritable',
    `${folder}, where the database's socket belongs, is no folder that this user alone can write.`,
    'Remove it, or name a state folder with a shorter path with --state.',
  );
}
