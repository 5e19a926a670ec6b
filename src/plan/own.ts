import { type DebianRelations, relationsFor } from '../debian/pypi-version.ts';
import { parseRelations, type Relation } from '../debian/relation.ts';
import { compareDebianVersions } from '../debian/version.ts';
import type { PublishedPackage } from './ports.ts';

/** What Rennet calls its package of a project. */
export function packageName(project: string): string {
  return `python3-${project}`;
}

/** The package of a project that apt would install: of several versions the newest. */
export function newestOf(rows: readonly PublishedPackage[], project: string): PublishedPackage | undefined {
  let newest = NEWEST.get(rows);
  if (newest === undefined) {
    newest = new Map<string, PublishedPackage>();
    for (const row of rows) {
      const best = newest.get(row.project);
      if (best === undefined || compareDebianVersions(best.version, row.version) < 0) newest.set(row.project, row);
    }
    NEWEST.set(rows, newest);
  }
  return newest.get(project);
}

/** A suite may hold tens of thousands of packages, and each requirement asks. */
const NEWEST = new WeakMap<readonly PublishedPackage[], Map<string, PublishedPackage>>();

/** The PEP 440 version that a canonical Debian upstream version stands for: `1.0~rc1` is `1.0rc1`, `1.0~~dev2` is `1.0.dev2`. */
export function pythonVersionOf(upstream: string): string {
  return upstream
    .replace(/~{1,2}dev/, '.dev')
    .replace('+post', '.post')
    .replaceAll('~', '');
}

/** Relations on one of Rennet's own packages; where a bound has no Debian form the plain name, with the specifier named. */
export function relationsOnOwn(specifier: string, name: string): DebianRelations {
  try {
    return relationsFor(specifier, name);
  } catch {
    return { relations: [name], approximated: [specifier] };
  }
}

/** The Depends of a published package, without alternatives, which Rennet never writes. */
export function dependsOf(row: PublishedPackage): Relation[] {
  const field = /^Depends: (.*)$/m.exec(row.control ?? '')?.[1] ?? '';
  return parseRelations(field).flatMap((alternatives) => alternatives.slice(0, 1));
}
