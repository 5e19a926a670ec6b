import { constants, createWriteStream, type Dirent } from 'node:fs';
import { open, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { TAR_END, tarHeader, tarPadding } from './debian/tar-writer.ts';
import { RennetError } from './model/errors.ts';
import { quoted } from './model/text.ts';

/** Everything in the archive lies below this folder. */
export const TOP = 'source';
const MAX_ENTRIES = 50_000;
const MAX_BYTES = 1024 ** 3;
/** 2000-01-01: times of the person's files would make each archive another one. */
const EPOCH = 946_684_800;

/** Folders that no source is in: repositories, environments, caches. An environment of any name is known by its pyvenv.cfg. */
const LEFT_OUT = new Set(
  '.git .hg .svn .bzr _darcs .tox .nox .eggs .venv .direnv node_modules __pycache__ .mypy_cache .pytest_cache .ruff_cache .hypothesis .idea .vscode'.split(
    ' ',
  ),
);
/** What earlier builds left at the top: old files in `build/lib` would get into the new wheel. */
const OLD_BUILDS = /^(?:build\/(?:lib|bdist|scripts|temp)[^/]*|dist\/[^/]+\.(?:whl|zip|tar\.gz|egg))$/;

/** What people keep logins and keys in; a module is never called so. The archive goes into a guest and may be passed on as a source package. */
const SECRETS = /^(?:\.env|\.netrc|\.pypirc|\.ssh|id_[^.]*)$/;
const KEY_BYTES = 1024 * 1024;

interface Entry {
  /** Relative, with slashes. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
}

/**
 * Packs a source folder into a .tar.gz at `path` that depends on nothing but names, contents and x bits: the same folder gives the same bytes. Reads
 * only, follows no link, honours no file of the folder. Gives one sentence for each thing left out that a person may miss. RennetError `bad-usage`: links that
 * lead outside, too many or too large files, files that change meanwhile.
 */
export async function packFolder(folder: string, path: string, signal: AbortSignal): Promise<readonly string[]> {
  const notes: string[] = [];
  const entries = await listFolder(folder, '', notes, []);
  const blocks = async function* (): AsyncGenerator<Buffer> {
    let total = 0;
    yield tarHeader({ name: `${TOP}/`, type: 'folder', mode: 0o755, bytes: 0, epoch: EPOCH });
    for (const entry of entries) {
      signal.throwIfAborted();
      if (entry.kind === 'file') {
        total += yield* packFile(folder, entry.name, MAX_BYTES - total);
        continue;
      }
      const isFolder = entry.kind === 'folder';
      const target = isFolder ? {} : { target: await readlink(join(folder, entry.name)) };
      const name = `${TOP}/${entry.name}${isFolder ? '/' : ''}`;
      yield tarHeader({ name, type: entry.kind, mode: isFolder ? 0o755 : 0o777, bytes: 0, epoch: EPOCH, ...target });
    }
    yield TAR_END;
  };
  await pipeline(Readable.from(blocks()), createGzip({ level: 6 }), createWriteStream(path, { flags: 'wx' }), {
    signal,
  });
  return notes;
}

async function listFolder(root: string, below: string, notes: string[], found: Entry[]): Promise<Entry[]> {
  const listed = await readdir(join(root, below), { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(below, cause);
  });
  // By bytes, whatever the file system's order and the host's language.
  for (const entry of listed.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (/\p{Cc}|\ufffd/u.test(entry.name)) throw refused(`has a file with the odd name ${quoted(name)}`);
    if (found.length >= MAX_ENTRIES) throw refused(`has more than ${MAX_ENTRIES} files`, 'Give an sdist instead.');
    if (OLD_BUILDS.test(name)) continue;
    if (await isSecret(root, name, entry)) {
      notes.push(`${quoted(name)} is left out: files of that kind hold secrets.`);
      continue;
    }
    if (entry.isDirectory()) {
      if (LEFT_OUT.has(entry.name) || entry.name.endsWith('.egg-info')) continue;
      if (await isEnvironment(join(root, name))) notes.push(`The virtual environment ${quoted(name)} is left out.`);
      else {
        found.push({ name, kind: 'folder' });
        await listFolder(root, name, notes, found);
      }
    } else if (entry.isSymbolicLink()) {
      checkLink(name, await readlink(join(root, name)));
      found.push({ name, kind: 'link' });
    } else if (!entry.isFile()) notes.push(`${quoted(name)} is no file and is left out.`);
    else if (!/\.py[co]$/.test(entry.name)) found.push({ name, kind: 'file' });
  }
  return found;
}

/** A `.pem` counts with a private key in it: certificates are what packages are made of. */
async function isSecret(root: string, name: string, entry: Dirent): Promise<boolean> {
  const isKept = entry.isDirectory() && entry.name !== '.ssh';
  if (!isKept && SECRETS.test(entry.name)) return true;
  if (!entry.isFile() || !/\.pem$/i.test(name)) return false;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  await using handle = await open(join(root, name), flags).catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(KEY_BYTES), 0, KEY_BYTES, 0);
  return buffer.subarray(0, bytesRead).includes('PRIVATE KEY-----');
}

async function isEnvironment(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes('pyvenv.cfg');
}

function checkLink(name: string, target: string): void {
  const resolved = posix.normalize(posix.join(posix.dirname(name), target));
  if (target.startsWith('/') || resolved === '..' || resolved.startsWith('../'))
    throw refused(
      `has the link ${quoted(name)} to ${quoted(target)}, outside of it`,
      'Put the files themselves there.',
    );
}

/** Gives the file's size. What is opened must lie where it was found: a folder on the way may have become a link. */
async function* packFile(root: string, name: string, bytesLeft: number): AsyncGenerator<Buffer, number> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(join(root, name), flags).catch((cause: unknown) => {
    throw unreadable(name, cause);
  });
  try {
    const { size, mode } = await handle.stat();
    if ((await readlink(`/proc/self/fd/${handle.fd}`)) !== join(root, name)) throw changed(name);
    if (size > bytesLeft) throw refused(`is larger than ${MAX_BYTES} bytes`, 'Give an sdist instead.');
    const executable = (mode & 0o111) !== 0;
    yield tarHeader({
      name: `${TOP}/${name}`,
      type: 'file',
      mode: executable ? 0o755 : 0o644,
      bytes: size,
      epoch: EPOCH,
    });
    let done = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      done += chunk.length;
      if (done > size) throw changed(name);
      yield chunk;
    }
    if (done !== size) throw changed(name);
    yield tarPadding(size);
    return size;
  } finally {
    await handle.close();
  }
}

function unreadable(name: string, cause: unknown): RennetError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no code';
  return new RennetError('bad-usage', `${quoted(name || '.')} of the folder cannot be read (${code}).`, '', { cause });
}

function changed(name: string): RennetError {
  return refused(`changes while it is read (${quoted(name)})`, 'Run it again when nothing writes there.');
}

function refused(what: string, hint = ''): RennetError {
  return new RennetError('bad-usage', `The folder ${what}.`, hint);
}
