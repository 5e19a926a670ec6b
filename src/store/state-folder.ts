import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { fileError, removeAbandoned, replaceFile } from '../host/files.ts';
import { ensureMemoryFolder } from '../host/memory.ts';
import { serviceUser } from './service-user.ts';

/** Format number of the state folder; a folder with a newer one is left alone. */
const FORMAT = 1;
/** A fresh folder may hold these; any other name means that the folder belongs to somebody else. */
const OWN_NAME =
  /^(version|config\.toml|blobs|archive|attempts|images|templates|cache|apt|keys|run|postgres|lost\+found|.*tmp-\d.*)$/;

/**
 * Creates what is missing of a state folder and removes what killed processes left in it. Cheap when nothing is missing.
 * Errors: `state-newer`, `state-unwritable`, `no-space`; a folder that is not Rennet's own is never changed.
 */
export async function prepareState(state: StateFolder, signal: AbortSignal): Promise<void> {
  try {
    if (await makeMissing(state.root)) await chmod(state.root, 0o755);
    const names = await readdir(state.root);
    if (!names.includes('version')) refuseForeignFolder(state.root, names);
    await requireOwnRoot(state.root, signal);
    await checkFormat(state);
    for (const folder of [state.blobs, state.archive, state.attempts, state.templates, state.cache])
      await makeFolder(folder, 0o755);
    await makeFolder(state.images, 0o755, true);
    await makeFolder(state.apt, 0o755);
    await makeFolder(state.run, 0o755);
    await makeFolder(state.keys, 0o700);
    await removeAbandoned(state.root);
    await removeAbandoned(state.blobs);
  } catch (error) {
    throw fileError(error, state.root);
  }
  await ensureMemoryFolder(state);
}

/**
 * Creates a folder with exactly this mode, whatever the umask. An existing one stays as it is, and must be a real one of ours. `linked`:
 * or a link that we made ourselves to a folder of ours.
 */
async function makeFolder(path: string, mode: number, linked = false): Promise<void> {
  if (await makeMissing(path)) return await chmod(path, mode);
  const found = await lstat(path);
  const folder = linked ? await stat(path).catch(() => found) : found;
  const self = process.geteuid?.();
  if (folder.isDirectory() && folder.uid === self && found.uid === self) return;
  throw new RennetError(
    'state-unwritable',
    `${path} is no folder of the state folder's owner, but a link or somebody else's.`,
    'Look who put it there and move it away; Rennet makes a new one.',
  );
}

/** True when it was missing. Not Node's own recursive mkdir, which never ends where no folder can be made (/proc/x). */
async function makeMissing(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  await makeMissing(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    const sentence = `The folder ${path} cannot be made (${error.code}).`;
    throw error.code === 'ENOENT'
      ? new RennetError('state-unwritable', sentence, 'Name another folder with --state or RENNET_STATE.')
      : error;
  });
  return true;
}

function refuseForeignFolder(root: string, names: readonly string[]): void {
  const foreign = names.find((name) => !OWN_NAME.test(name));
  if (foreign === undefined) return;
  throw new RennetError(
    'state-unwritable',
    `${root} is not a state folder of Rennet: it holds ${foreign}.`,
    'Name an empty or a new folder with --state or RENNET_STATE.',
  );
}

/**
 * Root would leave files in a user's folder that the user cannot change any more; and whoever owns the folder can put another one in the
 * place of root's keys or archive (docs/decisions/0009-root-owns-the-state.md). Root takes back what it gave to the service user.
 */
async function requireOwnRoot(root: string, signal: AbortSignal): Promise<void> {
  const self = process.geteuid?.() ?? 0;
  const [entry, folder] = await Promise.all([lstat(root), stat(root)]);
  if (entry.uid === self && folder.uid === self) return;
  if (self === 0 && folder.uid === (await serviceUser(signal)).uid) return takeBack(root, folder.uid);
  const { uid } = entry.uid === self ? folder : entry;
  throw new RennetError(
    'state-unwritable',
    `The state folder ${root} belongs to another user (uid ${uid}).`,
    'Run as that user (root for the folder of a system-wide Rennet), or name another folder with --state.',
  );
}

/** By its descriptor: its owner could put a link to anything under its name meanwhile. */
async function takeBack(root: string, from: number): Promise<void> {
  await using folder = await open(root, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const { uid, mode } = await folder.stat();
  // 0 where another process was first.
  if (uid !== from && uid !== 0) throw new RennetError('state-unwritable', `The owner of ${root} changed just now.`);
  await folder.chown(0, 0);
  await folder.chmod(mode & 0o755);
}

async function checkFormat(state: StateFolder): Promise<void> {
  const text = await readFile(state.versionFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    await replaceFile(state.versionFile, `${FORMAT}\n`);
    return;
  }
  const format = /^\d+\n?$/.test(text) ? Number(text) : Number.NaN;
  if (format <= FORMAT) return;
  throw Number.isNaN(format)
    ? new RennetError(
        'state-unwritable',
        `${state.versionFile} holds no format number.`,
        'Restore it from a backup, or name another state folder.',
      )
    : new RennetError(
        'state-newer',
        `The state folder ${state.root} was written by a newer Rennet (format ${format}, this one knows ${FORMAT}).`,
        'Update Rennet, or name another folder with --state.',
      );
}
