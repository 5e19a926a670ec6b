import { closeSync, openSync, writeSync } from 'node:fs';
import { readContents } from './contents.ts';
import { createModuleTree, type ModuleTree } from './module-tree.ts';
import { distStem, type FoundDist } from './official-dists.ts';
import { type IndexedPackage, suitePrefix } from './packages-index.ts';
import { createPathTable, type PathTable } from './path-table.ts';

/** What one pass over the Contents lists collects. */
export interface ArchiveScan {
  readonly dists: readonly FoundDist[];
  readonly modules: ModuleTree;
  /** Program name → package, the first by name where several ship it. */
  readonly programs: ReadonlyMap<string, string>;
  readonly stdlib: ReadonlySet<string>;
  readonly paths: PathTable;
}

const DIST_PACKAGES = 'usr/lib/python3/dist-packages/';
/** Packages whose files below /usr/lib/python3.X are the standard library; others only drop something there. */
const STDLIB_PACKAGE =
  /^(?:lib)?python3(?:\.\d+)?(?:-(?:minimal|stdlib|testsuite|distutils|lib2to3|tk|gdbm|venv|dbm))?$|^idle-python3/;
const WRITE_CHARACTERS = 64 * 1024;
/** Prefixes of the paths that are looked at; /usr/share/doc (a third of all lines) holds nothing that a wheel could meet. */
const WANTED = [
  'bin/',
  'sbin/',
  'usr/bin/',
  'usr/sbin/',
  'usr/games/',
  'usr/share/',
  'usr/include/',
  'usr/lib/',
  'etc/',
].map((text) => Buffer.from(text));
const UNWANTED = ['usr/share/doc/', 'usr/lib/debug/', 'usr/lib/modules/'].map((text) => Buffer.from(text));
const DEVELOPMENT =
  /^usr\/include\/|^usr\/s?bin\/[^/]+$|\.pc$|^usr\/lib\/.*\/?lib[^/]*\.so$|onfig\.cmake$|^usr\/lib\/python3\/.*\/include\/.*\.h$/;
/** What of /usr/share is wanted by builds as well: pkg-config files and CMake's packages of what has no architecture. */
const SHARED_DEVELOPMENT = ['.pc', 'onfig.cmake'].map((text) => Buffer.from(text));

/**
 * Reads all Contents lists once. What only later look-ups need (headers, pkg-config files, link libraries) goes straight
 * into `developmentFile` (25 MB for a suite), programs with all their owners too, one `path<TAB>package` a line.
 */
export async function scanContents(
  lists: readonly string[],
  packages: ReadonlyMap<string, IndexedPackage>,
  developmentFile: string,
  signal?: AbortSignal,
): Promise<ArchiveScan> {
  const numbers = new Map([...packages.keys()].map((name, index) => [name, index]));
  const dists = new Map<string, FoundDist>();
  const modules = createModuleTree((owner) => packages.get(owner)?.source ?? owner);
  const programs = new Map<string, string>();
  const stdlib = new Set<string>();
  const paths = createPathTable();
  const development = openSync(developmentFile, 'w');
  let pending = '';
  let sharedFolder = '';

  const visit = (suite: string, bytes: Buffer, start: number, end: number, owners: readonly string[]): void => {
    // /bin is /usr/bin on every suite that Rennet serves.
    const from =
      bytes[start] === 0x62 || bytes[start] === 0x73
        ? Buffer.from(`usr/${bytes.toString('utf8', start, end)}`)
        : undefined;
    const [path, first, last] = from ? [from, 0, from.length] : [bytes, start, end];
    const isPython = startsWith(path, first, last, PYTHON_PREFIX);
    const text = isPython || !startsWith(path, first, last, SHARE_PREFIX) ? path.toString('utf8', first, last) : '';
    const isDevelopment =
      text === '' ? SHARED_DEVELOPMENT.some((ending) => endsWith(path, first, last, ending)) : DEVELOPMENT.test(text);
    for (const owner of owners) {
      const number = numbers.get(owner);
      if (number === undefined) continue;
      paths.add(path, first, last, number);
      if (isDevelopment) {
        pending += `${text === '' ? path.toString('utf8', first, last) : text}\t${owner}\n`;
        if (pending.length > WRITE_CHARACTERS) pending = flush(development, pending);
      }
      // The folders directly below /usr/share as well: none of them is free for a project of the same name.
      const folder = text === '' ? folderBelowShare(path, first, last) : undefined;
      if (folder !== undefined && folder !== sharedFolder) {
        sharedFolder = folder;
        const bytesOfFolder = Buffer.from(folder);
        paths.add(bytesOfFolder, 0, bytesOfFolder.length, number);
      }
      if (text === '') continue;
      if (text.startsWith(DIST_PACKAGES)) {
        const relative = text.slice(DIST_PACKAGES.length);
        const stem = distStem(relative);
        if (stem === undefined) modules.add(relative, owner);
        else dists.set(`${stem} ${owner} ${suite}`, { stem, package: owner, suite });
      } else if (isPython) {
        const module =
          /^usr\/lib\/python3\.\d+\/(?:lib-dynload\/)?([A-Za-z_]\w*)(?:\.py$|\/__init__\.py$|\.cpython-.*\.so$)/.exec(
            text,
          )?.[1];
        if (module !== undefined && STDLIB_PACKAGE.test(owner)) stdlib.add(module);
      } else if (/^usr\/s?bin\/[^/]+$/.test(text)) {
        const name = text.slice(text.lastIndexOf('/') + 1);
        const before = programs.get(name);
        if (before === undefined || owner < before) programs.set(name, owner);
      }
    }
  };

  try {
    for (const list of lists) {
      const suite = suitePrefix(list);
      await readContents(
        list,
        isWanted,
        (bytes, start, end, owners) => visit(suite, bytes, start, end, owners),
        signal,
      );
    }
    flush(development, pending);
  } finally {
    closeSync(development);
  }
  return { dists: [...dists.values()], modules, programs, stdlib, paths };
}

function flush(file: number, text: string): '' {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  return '';
}

/** `usr/share/jupyter` of `usr/share/jupyter/kernels/…`; undefined for a file directly in /usr/share. */
function folderBelowShare(path: Buffer, start: number, end: number): string | undefined {
  const slash = path.indexOf(0x2f, start + SHARE_PREFIX.length);
  return slash === -1 || slash >= end ? undefined : path.toString('utf8', start, slash);
}

const PYTHON_PREFIX = Buffer.from('usr/lib/python3');
const SHARE_PREFIX = Buffer.from('usr/share/');

function isWanted(bytes: Buffer, start: number, end: number): boolean {
  return (
    WANTED.some((prefix) => startsWith(bytes, start, end, prefix)) &&
    !UNWANTED.some((prefix) => startsWith(bytes, start, end, prefix))
  );
}

function startsWith(bytes: Buffer, start: number, end: number, prefix: Buffer): boolean {
  if (end - start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index += 1) {
    if (bytes[start + index] !== prefix[index]) return false;
  }
  return true;
}

function endsWith(bytes: Buffer, start: number, end: number, ending: Buffer): boolean {
  return end - start >= ending.length && startsWith(bytes, end - ending.length, end, ending);
}
