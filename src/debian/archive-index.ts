import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { TargetFacts } from '../model/target.ts';
import type { AptRoot } from './apt.ts';
import { buildArchiveIndex } from './archive-build.ts';
import { INDEX_FORMAT, type IndexFiles, type StoredIndex } from './archive-derive.ts';
import { BUILT_IN_MODULES } from './built-in-modules.ts';
import { readByteLines } from './byte-lines.ts';
import type { DevelopmentFile } from './development.ts';
import { findModuleOwner } from './module-tree.ts';
import { findInPathTable } from './path-table.ts';

/** A Python distribution that an official package provides. */
export interface OfficialDist {
  /** PEP 503 normalised project name. */
  readonly project: string;
  /** Debian package, e.g. `python3-six`. */
  readonly package: string;
  /** Its Debian version in the suite (updates and security included). */
  readonly packageVersion: string;
  /** What its dist-info or egg-info says; the upstream part of the Debian version where neither tells. */
  readonly upstreamVersion: string;
  readonly architecture: string;
}

/** What the official archive of a target holds, read from a compact derived index. Nothing here waits. */
export interface ArchiveIndex {
  readonly facts: TargetFacts;
  /** Top-level modules of the suite's standard library. */
  readonly stdlibModules: ReadonlySet<string>;
  /** Official distributions of a normalised project, best first: the usual `python3-<project>` before others. */
  dists(project: string): readonly OfficialDist[];
  /** Projects whose metadata an official package holds, as far as anything tells. */
  projectsOf(name: string): readonly string[];
  hasPackage(name: string): boolean;
  packageVersion(name: string): string | undefined;
  /**
   * The official package that owns the module a path belongs to: `six.py`, `yaml/loader.py` (relative to dist-packages, or absolute).
   * Below a namespace the owner is that of the first level that is not one.
   */
  moduleOwner(path: string): string | undefined;
  /** True for a folder below dist-packages that official packages share as a namespace (PEP 420): `google`, `zope/app`. */
  isNamespace(folder: string): boolean;
  /** The official package that ships a program of this name in /usr/bin, /bin, /usr/sbin or /sbin. */
  programOwner(path: string): string | undefined;
  /** The official package that ships exactly this path (under /usr/bin, /usr/share, /usr/lib/python3/dist-packages and the like). */
  fileOwner(path: string): string | undefined;
  /**
   * What builds look for (headers below /usr/include, `*.pc`, `lib*.so`, `*[Cc]onfig.cmake`, programs) as far as `wanted`
   * says so, each with every package that ships it. Reads a file of some MB each time: for failed builds only.
   */
  developmentFiles(
    wanted: (path: string, owner: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly DevelopmentFile[]>;
}

const DIST_PACKAGES = '/usr/lib/python3/dist-packages/';
/** Another process may still be reading an index that this one has replaced. */
const KEEP_OLD_MS = 24 * 3_600_000;

/**
 * Opens the index derived from the root's lists, building it (some seconds) where none exists for these InRelease files.
 * RennetError `mirror-failed` where the root has no lists (call `update` first), `bad-target`, `no-space`, `cancelled`.
 */
export async function openArchiveIndex(
  root: AptRoot,
  signal: AbortSignal = new AbortController().signal,
): Promise<ArchiveIndex> {
  const files = indexFiles(root, await listsKey(root));
  const before = await readStored(files);
  if (before) return archiveIndex(before, files);
  await buildArchiveIndex(root, files, signal);
  await removeOld(root, files);
  const stored = await readStored(files);
  if (!stored) throw new RennetError('defect', 'The archive index cannot be read back after it was written.');
  return archiveIndex(stored, files);
}

function indexFiles(root: AptRoot, key: string): IndexFiles {
  const stem = join(root.folder, 'index', key);
  return { index: `${stem}.json`, paths: `${stem}.paths`, development: `${stem}.development` };
}

/** The InRelease files fix every byte of the lists, but of those taken as served; their digests name the index. */
async function listsKey(root: AptRoot): Promise<string> {
  const { tag, contents } = root.settings;
  const hash = createHash('sha256').update(`${tag ?? ''}${contents === 'signed' ? '' : contents}`);
  for (const path of (await root.lists()).inReleases) {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  }
  return `${INDEX_FORMAT}-${hash.digest('hex').slice(0, 32)}`;
}

/** Rennet's own file, written whole: only its format number is checked. */
async function readStored(files: IndexFiles): Promise<StoredIndex | undefined> {
  const text = await readFile(files.index, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const stored = JSON.parse(text) as StoredIndex;
  return stored.format === INDEX_FORMAT ? stored : undefined;
}

async function removeOld(root: AptRoot, current: IndexFiles): Promise<void> {
  const folder = join(root.folder, 'index');
  const kept: readonly string[] = Object.values(current);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mtimeMs } = await stat(path);
    if (!kept.includes(path) && Date.now() - mtimeMs > KEEP_OLD_MS) await rm(path, { force: true });
  }
}

function archiveIndex(stored: StoredIndex, files: IndexFiles): ArchiveIndex {
  const packageRows = once(() => rows(stored.packages));
  const packages = once(
    () =>
      new Map(packageRows().map(([name = '', version = '', architecture = '']) => [name, { version, architecture }])),
  );
  const dists = once(() => Map.groupBy(rows(stored.dists), ([project = '']) => project));
  const projects = once(() => Map.groupBy(rows(stored.dists), ([, name = '']) => name));
  const modules = once(() => new Map(rows(stored.modules).map(([name = '', owner = '']) => [name, owner])));
  const programs = once(() => new Map(rows(stored.programs).map(([name = '', owner = '']) => [name, owner])));
  return {
    facts: stored.facts,
    stdlibModules: new Set([...stored.stdlib, ...BUILT_IN_MODULES]),
    dists: (project) =>
      (dists().get(project) ?? []).map(([, name = '', upstreamVersion = '']) => {
        const { version = '', architecture = '' } = packages().get(name) ?? {};
        return { project, package: name, packageVersion: version, upstreamVersion, architecture };
      }),
    projectsOf: (name) => (projects().get(name) ?? []).map(([project = '']) => project),
    hasPackage: (name) => packages().has(name),
    packageVersion: (name) => packages().get(name)?.version,
    moduleOwner: (path) =>
      findModuleOwner(modules(), path.startsWith(DIST_PACKAGES) ? path.slice(DIST_PACKAGES.length) : path),
    isNamespace: (folder) => modules().get(folder) === '',
    programOwner: (path) => programs().get(path.slice(path.lastIndexOf('/') + 1)),
    fileOwner: (path) => {
      // The table knows no leading slash and only /usr's own bin.
      const plain = path.replace(/^\/+/, '').replace(/^(?=s?bin\/)/, 'usr/');
      const [number] = findInPathTable(files.paths, plain);
      return number === undefined ? undefined : packageRows()[number]?.[0];
    },
    developmentFiles: async (wanted, signal) => {
      const found: DevelopmentFile[] = [];
      await readByteLines(
        files.development,
        (bytes, start, end) => {
          const [path = '', owner = ''] = bytes.toString('utf8', start, end).split('\t');
          if (wanted(`/${path}`, owner)) found.push({ path: `/${path}`, package: owner });
        },
        signal,
      );
      return found;
    },
  };
}

function rows(table: string): string[][] {
  return table === '' ? [] : table.split('\n').map((line) => line.split('\t'));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
