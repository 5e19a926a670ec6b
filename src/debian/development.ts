import type { Missing } from '../model/missing.ts';

/** A file of the archive that a build may look for, and one package that ships it. */
export interface DevelopmentFile {
  /** Absolute. */
  readonly path: string;
  readonly package: string;
}

/** No package whose files are for another machine, for debugging or for reading; none whose library has integers of 64 bits (ILP64). */
const NEVER =
  /^lib(?:32|64|x32|n32)|^lib(?:\w*blas|lapack|blis)64|-(?:dbg|dbgsym|docs?|examples?|src|source|i386|x32)$|-cross(?:-|$)|mingw|^(?:android|dietlibc|klibc)-|^lib(?:klibc|wine)/;
const NAME = /^[\w][\w.+/-]{0,150}$/;
/** CMake finds these by itself, or they are in every build image. */
const FOUND_ANYWAY = /^(?:threads|openmp|python\d?|pythoninterp|pythonlibs|pythonextensions)$/;

/** Endings of paths that would be what is missing, best first; empty for a name that no file can have. */
export function filesFor({ kind, name }: Missing): string[] {
  if (!NAME.test(name) || name.includes('..')) return [];
  switch (kind) {
    case 'header':
      return [name];
    case 'pkg-config':
      return [`pkgconfig/${name}.pc`];
    case 'library':
      return [`lib${name}.so`];
    case 'program':
      return name.includes('/') ? [] : [`bin/${name}`, `sbin/${name}`];
    case 'component':
      return name.includes('/') ? [] : componentFiles(name);
    case 'shared-library':
    case 'module':
      return [];
  }
}

function componentFiles(name: string): string[] {
  const lower = name.toLowerCase();
  if (FOUND_ANYWAY.test(lower)) return [];
  const bare = lower.replace(/^lib/, '');
  return [
    `${name}Config.cmake`,
    `${lower}-config.cmake`,
    `pkgconfig/${lower}.pc`,
    `pkgconfig/lib${bare}.pc`,
    `lib${bare}.so`,
    `${bare}.h`,
    `bin/${lower.replace(/^pkgconfig$/, 'pkg-config')}`,
  ];
}

/**
 * Packages that have what is missing, in groups: the first group fits best, within a group the caller chooses. `files` are those
 * that end like `filesFor(missing)`. A header below a folder of its own is found by a compiler only where pkg-config or a
 * `…-config` program tells the folder; `tellsFolder` says so of a package.
 */
export function rankOwners(
  missing: Missing,
  files: readonly DevelopmentFile[],
  tellsFolder: (name: string) => boolean,
): string[][] {
  const endings = filesFor(missing);
  const ranks = new Map<string, number>();
  for (const { path, package: owner } of files) {
    const ending = endings.findIndex((text) => path.endsWith(`/${text}`));
    if (ending === -1 || NEVER.test(owner)) continue;
    const place = placeRank(path, endings[ending] ?? '');
    if (place === undefined || (place === SUBFOLDER && !tellsFolder(owner))) continue;
    const rank = ending * 1000 + place * 10 + ownerRank(owner, endings[ending] ?? '', missing.name);
    ranks.set(owner, Math.min(rank, ranks.get(owner) ?? Number.POSITIVE_INFINITY));
  }
  const groups = Map.groupBy([...ranks], ([, rank]) => rank);
  return [...groups.keys()]
    .toSorted((a, b) => a - b)
    .map((rank) => (groups.get(rank) ?? []).map(([owner]) => owner).toSorted());
}

const SUBFOLDER = 20;
const TRIPLET = '[a-z0-9_]+-linux-gnu[a-z0-9_]*';
const OWN_FOLDERS: readonly RegExp[] = [
  new RegExp(`^/usr/include/(?:${TRIPLET}/)?$`),
  new RegExp(`^/usr/lib/(?:${TRIPLET}/)?$`),
  /^\/usr\/s?bin\/$/,
];

/** 0 where every tool looks by itself; undefined for places where what lies there is something else. */
function placeRank(path: string, ending: string): number | undefined {
  const folder = path.slice(0, path.length - ending.length);
  if (OWN_FOLDERS.some((pattern) => pattern.test(folder.replace(/pkgconfig\/$/, '')))) return 0;
  if (/^s?bin\//.test(ending)) return folder === '/usr/' ? 0 : undefined;
  if (ending.endsWith('.pc')) return /^\/usr\/(?:lib|share)\//.test(folder) ? 1 : undefined;
  // CMake looks below its prefixes by itself, and a library in a folder of its own has its alternative outside.
  if (/\.cmake$|\.so$/.test(ending)) return 1 + Math.min(folder.split('/').length, 15);
  if (folder.startsWith('/usr/include/python3') || folder.startsWith('/usr/lib/python3/')) return 1;
  return folder.startsWith('/usr/include/') ? SUBFOLDER : undefined;
}

/** The package that is named like the thing comes first: liblapack-dev for lapack, before another one that has a part of it. */
function ownerRank(owner: string, ending: string, name: string): number {
  const program = /^s?bin\/(.*)$/.exec(ending)?.[1];
  if (program !== undefined && !/[-_]config$/.test(program)) return owner === program ? 0 : 1;
  const stem = name.toLowerCase().replace(/^lib|[/.].*$/g, '');
  const like = /^(?:lib)?(.*?)[\d.]*-dev$/.exec(owner)?.[1];
  return like === stem ? 0 : owner.endsWith('-dev') ? 1 : 2;
}
