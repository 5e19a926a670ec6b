import { normaliseProject } from '../model/project-name.ts';
import type { IndexedPackage, PackagesIndex } from './packages-index.ts';
import { compareDebianVersions, splitVersion } from './version.ts';

/** A distribution folder as a Contents list names it. */
export interface FoundDist {
  /** `six-1.16.0`, without `.dist-info` or `.egg-info`. */
  readonly stem: string;
  readonly package: string;
  /** The suite of the list, see `suitePrefix`. */
  readonly suite: string;
}

/** One distribution of the archive; the index stores exactly these. */
export interface DistRow {
  readonly project: string;
  readonly package: string;
  readonly upstreamVersion: string;
}

/** The stem of a distribution's folder or file, from its path relative to dist-packages; undefined for everything else. */
export function distStem(path: string): string | undefined {
  return /^([^/]+)\.(?:dist|egg)-info(?:\/|$)/.exec(path)?.[1];
}

/** `six-1.16.0-py3.11` → six, 1.16.0. Names are escaped (no hyphen) by every tool that writes them; the version may be missing. */
export function splitStem(stem: string): { name: string; version: string } {
  const withoutPython = stem.replace(/-py\d(?:\.\d+)?(?:-.*)?$/, '');
  const match = /^(.+?)-(\d.*)$/.exec(withoutPython);
  return { name: match?.[1] ?? withoutPython, version: match?.[2] ?? '' };
}

/**
 * The distributions of a suite. Packages decides which version is there: where updates or security have a newer upstream version than the suite
 * whose Contents list was read, the list's version is no longer true and the Debian version's upstream part takes its place.
 * A version of nothing but zeros (a build without git history) says nothing either. `fallback` is dh-python's own mapping, for projects that no folder names.
 */
export function officialDists(
  found: readonly FoundDist[],
  { packages, suites }: PackagesIndex,
  fallback: ReadonlyMap<string, string>,
): DistRow[] {
  const rows = new Map<string, DistRow>();
  for (const dist of found) {
    const indexed = packages.get(dist.package);
    if (!indexed) continue;
    const { name, version } = splitStem(dist.stem);
    const listed = suites.get(dist.suite)?.get(dist.package);
    const isCurrent = listed !== undefined && upstreamOf(listed) === upstreamOf(indexed.version);
    const row: DistRow = {
      project: normaliseProject(name),
      package: dist.package,
      upstreamVersion: isCurrent && !/^[0.]*$/.test(version) ? version : plainUpstream(indexed.version),
    };
    const key = `${row.project} ${row.package}`;
    if (isCurrent || !rows.has(key)) rows.set(key, row);
  }
  const known = new Set([...rows.values()].map((row) => row.project));
  for (const [project, packageName] of fallback) {
    const indexed = packages.get(packageName);
    if (!indexed || known.has(project)) continue;
    const row = { project, package: packageName, upstreamVersion: plainUpstream(indexed.version) };
    rows.set(`${project} ${packageName}`, row);
  }
  return [...rows.values()].toSorted(bestFirst(packages));
}

/** Of several packages with one project: the usual name first, then the higher Debian version, then by name. */
function bestFirst(packages: ReadonlyMap<string, IndexedPackage>): (a: DistRow, b: DistRow) => number {
  const usual = (row: DistRow): number => (row.package === `python3-${row.project}` ? 0 : 1);
  const versionOf = (row: DistRow): string => packages.get(row.package)?.version ?? '';
  return (a, b) =>
    compareText(a.project, b.project) ||
    usual(a) - usual(b) ||
    compareDebianVersions(versionOf(b), versionOf(a)) ||
    compareText(a.package, b.package);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function upstreamOf(version: string): string {
  return splitVersion(version).upstream;
}

/** `1:2.3+dfsg-2` → `2.3`, `3.0~rc1-1` → `3.0rc1`: as near to the upstream version as the Debian version lets one see. */
export function plainUpstream(version: string): string {
  return upstreamOf(version)
    .replace(/[+~.](?:dfsg|ds|repack|debian)[.\d]*.*$/, '')
    .replace(/^.*\+really/, '')
    .replace(/~+(?=[a-z])/g, '');
}

/** Reads dh-python's `cpython3_fallback`: a project as dist-info spells it, then the package. */
export function parseFallback(text: string): Map<string, string> {
  const mapping = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [project = '', packageName = ''] = line.trim().split(/\s+/);
    if (project === '' || project.startsWith('#') || !/^[a-z0-9][a-z0-9+.-]+$/.test(packageName)) continue;
    mapping.set(normaliseProject(project), packageName);
  }
  return mapping;
}
