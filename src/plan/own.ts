import { type DebianRelations, relationsFor } from '../debian/pypi-version.ts';
import { parseRelations, type Relation } from '../debian/relation.ts';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import { compareDebianVersions } from '../debian/version.ts';
import type { PublishedPackage } from './ports.ts';

/** What follows a name that the suite has given to another project; no normalised project name has a `+` (PEP 503, policy 5.6.1). */
const APART = '+pypi';

type Names = Pick<ArchiveIndex, 'hasPackage' | 'projectsOf'>;

/** What Rennet calls its package of a project: `python3-foo`, or `python3-foo+pypi` where the suite's `python3-foo` is of another project. */
export function packageName(project: string, archive: Names): string {
  const usual = `python3-${project}`;
  const held = archive.projectsOf(usual);
  return held.length === 0 || held.includes(project) ? usual : usual + APART;
}

/** The project that one of Rennet's own packages is of. */
export function projectOfPackage(name: string, archive: Names): string | undefined {
  const project = name.replace(/^python3-/, '').replace(APART, '');
  return packageName(project, archive) === name ? project : undefined;
}

/** Why a project cannot get a package: the suite has one of that name, and nothing tells of which project that is. */
export function nameDoubt(
  project: string,
  archive: Names & Pick<ArchiveIndex, 'facts' | 'packageVersion'>,
): string | undefined {
  const name = packageName(project, archive);
  if (!archive.hasPackage(name) || archive.projectsOf(name).includes(project)) return undefined;
  return `${archive.facts.suite} has a package ${name} ${archive.packageVersion(name) ?? ''} that is not known to be this project; a person has to decide (rule package-name)`;
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
