import { chmod, constants, copyFile, open, realpath, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileError, sha256OfFile } from './host/files.ts';
import { packFolder } from './local-folder.ts';
import { RennetError } from './model/errors.ts';
import { isProjectName, normaliseProject } from './model/project-name.ts';
import type { ReleaseFile } from './model/release.ts';
import { plainText, quoted } from './model/text.ts';
import { createIndexCache } from './python/index-cache.ts';
import { type LocalRelease, localAddress } from './python/local-index.ts';
import { readStaticProject, type StaticProject } from './python/project-table.ts';
import { canonicalVersion } from './python/version.ts';
import { openWheel } from './python/wheel.ts';

/** A folder, sdist or wheel that a person gave, taken in: what happens to it afterwards changes nothing. */
export interface LocalSource {
  /** As typed, for sentences. */
  readonly typed: string;
  /** Of an archive. */
  readonly filename: string;
  readonly extras: readonly string[];
  /** `sha256` and the bytes on this host. */
  readonly sha256: string;
  readonly bytes: number;
  readonly path: string;
  readonly kind: 'sdist' | 'wheel';
  /** What its files tell without running any of them. */
  readonly told: StaticProject;
  readonly notes: readonly string[];
}

/** A path is what has a slash or the name of an archive; everything else is the name of a project. */
export function isPath(argument: string): boolean {
  const { path } = splitExtras(argument);
  return path.includes('/') || path === '.' || path === '..' || /\.(?:tar\.gz|zip|whl)$/i.test(path);
}

/** Where a path leads to; said before anything is opened or made. RennetError `bad-usage` where nothing of use is there. */
export async function findLocalSource(
  argument: string,
): Promise<{ place: string; typed: string; extras: readonly string[]; isFolder: boolean }> {
  const { path: given, extras } = splitExtras(argument);
  const typed = plainText(given).slice(0, 200);
  const place = await realpath(given).catch((cause: unknown) => {
    throw new RennetError('bad-usage', `There is no ${typed} on this host.`, 'A project of the index has no slash.', {
      cause,
    });
  });
  const found = await stat(place);
  if (!found.isDirectory() && !found.isFile())
    throw new RennetError(
      'bad-usage',
      `${typed} is neither a folder nor a file.`,
      'Give a folder, an sdist or a wheel.',
    );
  return { place, typed, extras, isFolder: found.isDirectory() };
}

/**
 * Takes a local source into the cache. No line of it is run here; a folder is packed (src/local-folder.ts). RennetError `bad-usage` for what is no Python
 * project, `bad-metadata` and `bad-archive` for one that is broken.
 */
export async function takeLocalSource(
  argument: string,
  cacheFolder: string,
  signal: AbortSignal,
): Promise<LocalSource> {
  const { place, typed, extras, isFolder } = await findLocalSource(argument);
  const cache = createIndexCache(cacheFolder);
  const temporary = await cache.temporary();
  try {
    const told = isFolder ? await readFolder(place, typed) : undefined;
    const notes = told ? await packFolder(place, temporary, signal) : await copyArchive(place, temporary, typed);
    // What people have at home is not for every user of this host.
    await chmod(temporary, 0o600);
    const { size: bytes } = await stat(temporary);
    const sha256 = await sha256OfFile(temporary, signal);
    const path = await cache.keepFile(temporary, sha256);
    const common = { typed, filename: basename(place), extras, sha256, bytes, path, notes };
    if (told !== undefined) return { ...common, kind: 'sdist', told };
    const { filename } = common;
    if (filename.endsWith('.whl')) return { ...common, kind: 'wheel', told: await readWheel(path, filename) };
    return { ...common, kind: 'sdist', told: readSdistName(filename) };
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The release that a source is, once name and version are known. */
export function localRelease(
  { sha256, bytes, path, kind, told, filename: given }: LocalSource,
  project: string,
  version: string,
): LocalRelease {
  const written = project.replaceAll('-', '_');
  const filename = kind === 'wheel' ? given : `${written}-${version}${/\.zip$/i.test(given) ? '.zip' : '.tar.gz'}`;
  const { requiresPython, metadata } = told;
  const file: ReleaseFile = {
    filename,
    url: localAddress(filename),
    kind,
    sha256,
    bytes,
    ...(requiresPython !== undefined && { requiresPython }),
  };
  return { project, version, file, path, ...(metadata && { metadata }) };
}

/** `./mylib[fast]` */
function splitExtras(argument: string): { path: string; extras: string[] } {
  const match = /^(.+)\[([A-Za-z0-9._, -]*)\]$/s.exec(argument);
  const names = match?.[2]?.split(',').map((name) => name.trim()) ?? [];
  return { path: match?.[1] ?? argument, extras: names.filter((name) => name !== '').map(normaliseProject) };
}

const TOLD_BYTES = 8 * 1024 * 1024;

async function readFolder(folder: string, typed: string): Promise<StaticProject> {
  const [pyproject, pkgInfo, setupCfg, setupPy] = await Promise.all(
    ['pyproject.toml', 'PKG-INFO', 'setup.cfg', 'setup.py'].map((name) => readSmall(join(folder, name))),
  );
  if (pyproject === undefined && setupPy === undefined && setupCfg === undefined)
    throw new RennetError(
      'bad-usage',
      `${typed} is no Python project: it has neither pyproject.toml nor setup.py nor setup.cfg.`,
    );
  const text = (bytes: Buffer) => new TextDecoder('utf-8').decode(bytes);
  return readStaticProject({
    ...(pyproject && { pyproject: text(pyproject) }),
    ...(pkgInfo && { pkgInfo }),
    ...(setupCfg && { setupCfg: text(setupCfg) }),
    hasSetupPy: setupPy !== undefined,
  });
}

/** Undefined where there is no such plain file. */
async function readSmall(path: string): Promise<Buffer | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile()) return undefined;
    if (found.size > TOLD_BYTES)
      throw new RennetError('bad-usage', `${basename(path)} is larger than ${TOLD_BYTES} bytes.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function copyArchive(place: string, temporary: string, typed: string): Promise<readonly string[]> {
  if (!/\.(?:tar\.gz|zip|whl)$/.test(place))
    throw new RennetError(
      'bad-usage',
      `${typed} is no sdist and no wheel.`,
      'Rennet reads .tar.gz, .zip and .whl; unpack others and give the folder.',
    );
  try {
    await copyFile(place, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw fileError(cause, temporary);
  }
  return [];
}

/** PEP 625: the version begins after the last dash that one can begin after. The sdist itself is held to it when it is read. */
function readSdistName(filename: string): StaticProject {
  const stem = filename.replace(/\.(?:tar\.gz|zip)$/, '');
  for (let dash = stem.lastIndexOf('-'); dash > 0; dash = stem.lastIndexOf('-', dash - 1)) {
    const version = canonicalVersion(stem.slice(dash + 1));
    const name = stem.slice(0, dash);
    if (version !== undefined && isProjectName(name)) return { name, version };
    if (version !== undefined)
      throw new RennetError(
        'bad-usage',
        `The name of ${quoted(filename)} begins with no project name: letters, digits and inner "-", "_", ".".`,
        'Unpack it and give the folder.',
      );
  }
  throw new RennetError(
    'bad-usage',
    `The name of ${quoted(filename)} has no version, as an sdist's has (NAME-VERSION.tar.gz).`,
    'Unpack it and give the folder.',
  );
}

async function readWheel(path: string, filename: string): Promise<StaticProject> {
  const wheel = await openWheel(path, filename);
  try {
    const { metadata, version, distInfo } = wheel;
    const { name, requiresPython } = metadata;
    const bytes = await wheel.zip.read(`${distInfo}/METADATA`, TOLD_BYTES);
    return { name, version, ...(requiresPython !== undefined && { requiresPython }), metadata: bytes };
  } finally {
    await wheel.close();
  }
}
