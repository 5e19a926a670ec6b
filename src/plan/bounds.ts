import type { Project } from '../model/release.ts';
import { specifierAccepts } from '../python/version.ts';

/** What the person bounds beside what is wanted: it counts for the whole closure, and for nothing that is only used for building. */
export interface Bounds {
  /** By project. `place` is where it was written. */
  readonly constraints: ReadonlyMap<string, readonly { readonly specifier: string; readonly place: string }[]>;
  /** By project: only files with one of these hashes are used. */
  readonly hashes: ReadonlyMap<string, { readonly sha256: ReadonlySet<string>; readonly place: string }>;
  /** Where hashes were asked for; then nothing is built without one. */
  readonly hashMode?: string;
}

export const NO_BOUNDS: Bounds = { constraints: new Map(), hashes: new Map() };

/** The constraints on one project taken together. */
export interface Bound {
  /** PEP 440. */
  readonly specifier: string;
  /** `six<1.16 (constraints.txt, line 3)`. */
  readonly text: string;
  readonly accepts: (version: string) => boolean;
}

export function boundOn({ constraints }: Bounds, project: string): Bound | undefined {
  const all = constraints.get(project) ?? [];
  if (all.length === 0) return undefined;
  const specifier = all.map((one) => one.specifier).join(',');
  const text = all.map((one) => `${project}${one.specifier} (${one.place})`).join(' and ');
  return { specifier, text, accepts: (version) => specifierAccepts(specifier, version, { prereleases: true }) };
}

/** Leaves only the files that hashes allow. Official packages are no files of the index: the suite's own signature stands for them. */
export function withHashes(page: Project, { hashes }: Bounds): Project {
  const allowed = hashes.get(page.name)?.sha256;
  if (allowed === undefined) return page;
  const releases = page.releases.flatMap((release) => {
    const files = release.files.filter(({ sha256 }) => sha256 !== undefined && allowed.has(sha256));
    return files.length === 0 ? [] : [{ ...release, files }];
  });
  return { ...page, releases };
}

/** Why a project may not be built at all; undefined where it may. */
export function refusedByHashes(page: Project, whole: Project, bounds: Bounds): string | undefined {
  const { hashMode, hashes } = bounds;
  if (hashMode === undefined) return undefined;
  const given = hashes.get(page.name);
  if (given === undefined) return `has no --hash in the requirements file, which has hashes (${hashMode})`;
  if (page.releases.length > 0 || whole.releases.length === 0) return undefined;
  return `has no file on the index with one of the hashes of ${given.place}`;
}
