import { constants, copyFile, link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { AptRoot, Deb } from './apt.ts';
import { runApt } from './apt-run.ts';
import { formatSources, parseSources, type SourceEntry } from './apt-sources.ts';

/** Stands in `apt/official.sources` for where the guest finds the mirror: a folder, or an address. */
export const MIRROR_PLACE = '@MIRROR@';
const KEYS_IN_GUEST = '/rennet/in/apt/keys';
const TRUSTED = '/etc/apt/trusted.gpg.d';
/** Settings of this host that decide whether a signed index is too old; the guest's apt shall judge as this host's does. */
const DATE_CHECKS = /^Acquire::(?:Check-Valid-Until|Check-Date|Max-ValidTime|Min-ValidTime)\b.* ".*";$/;

/**
 * Lays out, below `input`, a mirror of exactly these packages for an apt in a guest: `mirror/N/` with the signed indexes of the root's
 * lists as they are and the packages' files (`paths`, in their order), `apt/` with sources, keys and date checks. The guest's apt checks all
 * signatures itself. RennetError `mirror-failed` where lists and packages do not belong together.
 */
export async function layOutMirror(
  root: AptRoot,
  debs: readonly Deb[],
  paths: readonly string[],
  input: string,
  signal: AbortSignal,
): Promise<void> {
  const indexes = await readIndexes(root, signal);
  const repositories = [...new Set(indexes.map(({ repository }) => repository))];
  const mirror = (repository: string): string => join(input, 'mirror', String(repositories.indexOf(repository)));
  for (const { repository, release, metaKey, file } of indexes) {
    const dists = join(mirror(repository), 'dists', release);
    await place(file, join(dists, metaKey));
    // apt names files by their address with `_` for `/`.
    const stem = file.slice(0, -metaKey.length);
    const signed = ['InRelease', 'Release', 'Release.gpg'];
    for (const name of signed) await place(stem + name, join(dists, name)).catch(absent);
  }
  for (const [index, deb] of debs.entries()) {
    const repository = repositories.find((uri) => deb.uri.startsWith(uri));
    const name = decodeURIComponent(deb.uri.slice(repository?.length));
    if (repository === undefined || name.split('/').includes('..')) throw strange(deb);
    await place(paths[index] ?? '', join(mirror(repository), name));
  }
  const address = (repository: string): string => `${MIRROR_PLACE}/${repositories.indexOf(repository)}`;
  await layOutSettings(root, indexes, address, input, signal);
}

/**
 * Lays out, below `input`, `apt/` alone, for an apt in a guest that sees the operator's whole mirror: each repository is then a folder there
 * that is called as the last part of the repository's address (`debian`, `debian-security`).
 */
export async function layOutSources(root: AptRoot, input: string, signal: AbortSignal): Promise<void> {
  const indexes = await readIndexes(root, signal);
  await layOutSettings(root, indexes, (repository) => `${MIRROR_PLACE}/${basename(repository)}`, input, signal);
}

/** One Packages file of the root's lists. */
interface Index {
  readonly repository: string;
  readonly release: string;
  /** `main/binary-amd64/Packages` */
  readonly metaKey: string;
  readonly file: string;
  /** Number of its entry in the sources, from 0. */
  readonly entry: number;
}

async function readIndexes(root: AptRoot, signal: AbortSignal): Promise<Index[]> {
  const format = '$(REPO_URI)\t$(RELEASE)\t$(METAKEY)\t$(FILENAME)\t$(SOURCESENTRY)';
  const args = ['indextargets', '--format', format, 'Created-By: Packages'];
  const { stdout } = await runApt('apt-get', args, { configFile: root.configFile }, signal);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [repository = '', release = '', metaKey = '', file = '', source = ''] = line.split('\t');
    return { repository, release, metaKey, file, entry: Number(source.split(':').at(-1)) - 1 };
  });
}

async function layOutSettings(
  root: AptRoot,
  indexes: readonly Index[],
  address: (repository: string) => string,
  input: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = join(input, 'apt');
  await mkdir(join(folder, 'keys'), { recursive: true });
  await mkdir(join(folder, 'trusted'), { recursive: true });
  const entries = parseSources(root.sourcesFile, await readFile(root.sourcesFile, 'utf8'));
  const sources: SourceEntry[] = [];
  for (const [number, entry] of entries.entries()) {
    const index = indexes.find((one) => one.entry === number);
    if (index === undefined) continue;
    const signedBy = await giveKeys(entry.options['Signed-By'], folder);
    const options = { ...entry.options, ...(signedBy === undefined ? {} : { 'Signed-By': signedBy }), 'By-Hash': 'no' };
    sources.push({ ...entry, uris: [address(index.repository)], options });
  }
  await writeFile(join(folder, 'official.sources'), formatSources(sources));
  const { stdout } = await runApt('apt-config', ['dump'], { configFile: root.configFile }, signal);
  const checks = stdout.split('\n').filter((line) => DATE_CHECKS.test(line));
  await writeFile(join(folder, 'apt.conf'), checks.map((line) => `${line}\n`).join(''));
}

/** Keys that are named by their files go along; for those that are not (none, or a fingerprint) all that apt trusts here. */
async function giveKeys(signedBy: string | undefined, folder: string): Promise<string | undefined> {
  if (signedBy?.includes('BEGIN PGP')) return signedBy;
  const words = (signedBy ?? '').split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0 || words.some((word) => !word.startsWith('/'))) {
    for (const name of await readdir(TRUSTED).catch(() => []))
      if (/\.(?:gpg|asc)$/.test(name)) await place(join(TRUSTED, name), join(folder, 'trusted', name));
    return signedBy;
  }
  const given: string[] = [];
  for (const path of words) {
    await place(path, join(folder, 'keys', basename(path)));
    given.push(`${KEYS_IN_GUEST}/${basename(path)}`);
  }
  return given.join(' ');
}

/** A hard link where the file system allows, so that nothing is copied; the same file may be placed twice. */
async function place(file: string, at: string): Promise<void> {
  await mkdir(dirname(at), { recursive: true });
  try {
    await link(file, at);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyFile(file, at, constants.COPYFILE_EXCL);
  }
}

function absent(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function strange(deb: Deb): RennetError {
  return new RennetError(
    'mirror-failed',
    `The package file ${deb.filename} lies in none of the archives whose lists are here.`,
    'Run the command again, so that the lists are refreshed.',
  );
}
