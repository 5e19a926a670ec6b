import type { VersionParts } from '../model/python-version.ts';
import { debianSuffix, nextRelease, parsePythonVersion, strippedRelease } from './pep440.ts';
import { type MappableClause, parseSpecifiers } from './specifier.ts';

export { officialRelations } from './official-relations.ts';

/** A specifier as Debian relations, and the clauses that Debian cannot say. */
export interface DebianRelations {
  /** For Depends, e.g. `python3-foo (>= 1.0-0~)`; the plain package name where no bound is left. */
  readonly relations: readonly string[];
  /** Clauses as upstream wrote them that are not (fully) in `relations`; each gets a line in the ledger. */
  readonly approximated: readonly string[];
}

/**
 * The Debian upstream version of a PEP 440 version: `6.3.0` → `6.3`, `1.0rc1` → `1.0~rc1`, `1.0.dev2` → `1.0~~dev2`.
 * Versions that PEP 440 calls equal give the same text, and dpkg orders the results as PEP 440 orders the versions.
 * Errors: `unmappable-version` for a local version or an epoch; the caller holds the release.
 */
export function debianUpstream(version: string): string {
  return mapped(parsePythonVersion(version));
}

/** The whole Debian version: `debianVersion('6.3.1', 'deb12')` → `6.3.1-0~pypi1~deb12`; sorts below every `-1` of the suite. */
export function debianVersion(version: string, suiteTag: string, build = 1): string {
  return `${debianUpstream(version)}-0~pypi${build}~${suiteTag}`;
}

/**
 * A PEP 440 specifier set as relations on one of Rennet's own packages: apt accepts what `packaging` accepts with
 * pre-releases allowed. `!=` has no Debian form and is named in `approximated`.
 * Errors: `bad-specifier`; `unmappable-version` for a bound with an epoch or a local part.
 */
export function relationsFor(specifier: string, packageName: string): DebianRelations {
  const clauses = parseSpecifiers(specifier);
  const bounds = [...new Set(clauses.flatMap(boundsOf))];
  return {
    relations: bounds.length > 0 ? bounds.map((bound) => `${packageName} (${bound})`) : [packageName],
    approximated: clauses.filter((clause) => clause.operator === '!=').map((clause) => clause.text),
  };
}

/** The table of CONVERSION.md, "Versions"; every bound was proved against `packaging`. */
function boundsOf(clause: MappableClause): string[] {
  const { version } = clause;
  const x = mapped(version);
  const from = `>= ${x}-0~`;
  const through = `<< ${x}+post~`;
  switch (clause.operator) {
    case '>=':
      return [from];
    case '<=':
      return [through];
    case '>':
      return [`>> ${x}.~`];
    case '<':
      // PEP 440: `< 1.0` takes no pre-release of 1.0, `< 1.0rc1` takes 1.0b9.
      return [version.pre || version.dev !== undefined ? `<< ${x}-0~` : `<< ${x}~~`];
    case '~=':
      return [from, `<< ${nextRelease(version.release.slice(0, -1)).join('.')}~~`];
    case '==':
    case '===':
      return clause.wildcard ? [`>= ${x}~~`, `<< ${nextRelease(version.release).join('.')}~~`] : [from, through];
    case '!=':
      return [];
  }
}

function mapped(version: VersionParts): string {
  return strippedRelease(version.release, 2).join('.') + debianSuffix(version, '+post');
}
