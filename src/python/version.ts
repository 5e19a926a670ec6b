import { RennetError } from '../model/errors.ts';
import type { VersionParts } from '../model/python-version.ts';
import {
  compareReleases,
  compareVersionParts,
  formatVersionParts,
  hasReleasePrefix,
  parseVersionParts,
} from '../model/python-version.ts';
import { boundOf, readClause, readClauses, type SpecifierClause } from '../model/specifier.ts';

/** The PEP 440 normal form (`v1.0-BETA` is `1.0b0`), or undefined where the text is no version. */
export function canonicalVersion(text: string): string | undefined {
  const parts = parseVersionParts(text);
  return parts && formatVersionParts(parts);
}

/** PEP 440 order: negative, 0 or positive; `2.0` equals `2.0.0`. Throws `bad-metadata` on a text that is no version. */
export function compareVersions(a: string, b: string): number {
  return compareVersionParts(required(a), required(b));
}

/** True for pre-releases and development releases. Throws `bad-metadata` on a text that is no version. */
export function isPrerelease(version: string): boolean {
  return isPre(required(version));
}

/** True where `text` is a comma-separated list of PEP 440 clauses; the empty text is one. */
export function isSpecifier(text: string): boolean {
  return readClauses(text) !== undefined;
}

/** Splits a specifier into its clauses, in the order written. Throws `bad-specifier`. */
export function parseSpecifier(text: string): SpecifierClause[] {
  const clauses = readClauses(text);
  if (clauses === undefined) {
    throw new RennetError('bad-specifier', `"${text.slice(0, 100)}" is no PEP 440 version specifier.`);
  }
  return clauses;
}

/**
 * Whether `packaging` 26's `SpecifierSet(specifier).contains(version, prereleases=…)` is true.
 * Pre-releases count unless `prereleases` is false: a single version has no final alternative. A text that is no version
 * is accepted by `===` and by the empty specifier only. Throws `bad-specifier`.
 */
export function specifierAccepts(
  specifier: string,
  version: string,
  options: { readonly prereleases?: boolean } = {},
): boolean {
  const clauses = parseSpecifier(specifier);
  const parts = parseVersionParts(version);
  if (parts !== undefined && options.prereleases === false && isPre(parts)) return false;
  return clauses.every((clause) => clauseAccepts(clause, version, parts));
}

/**
 * Whether one clause such as `>=3.8` accepts the version, pre-releases included; undefined where the text is no clause. For
 * markers, whose right side may be anything: a comma does not part clauses there.
 */
export function singleClauseAccepts(text: string, version: string): boolean | undefined {
  const clause = readClause(text.trim());
  return clause && clauseAccepts(clause, version, parseVersionParts(version));
}

function clauseAccepts(clause: SpecifierClause, text: string, candidate?: VersionParts): boolean {
  const { operator, version, wildcard } = clause;
  if (operator === '===') return text.toLowerCase() === version.toLowerCase();
  if (candidate === undefined) return false;
  const bound = required(boundOf(clause));
  const order = compareVersionParts(candidate, bound);
  switch (operator) {
    case '==':
      return wildcard ? inSeries(candidate, bound, bound.release) : equals(candidate, bound);
    case '!=':
      return wildcard ? !inSeries(candidate, bound, bound.release) : !equals(candidate, bound);
    case '~=':
      return order >= 0 && inSeries(candidate, bound, bound.release.slice(0, -1));
    case '>=':
      return order >= 0;
    case '<=':
      return compareVersionParts(withoutLocal(candidate), bound) <= 0;
    case '<':
      // `< 1.0` leaves out 1.0's own pre-releases, unless it names one: everything from 1.0.dev0 on.
      return compareVersionParts(candidate, isPre(bound) ? bound : { ...bound, dev: '0' }) < 0;
    case '>':
      return order > 0 && !isSameFamily(candidate, bound);
  }
}

/** `> 1.0` leaves out 1.0's post-releases and local versions; `> 1.0.post1` and `> 1.0.dev1` only their local versions. */
function isSameFamily(candidate: VersionParts, bound: VersionParts): boolean {
  if (bound.dev !== undefined || bound.post !== undefined) return equals(candidate, bound);
  return (
    candidate.epoch === bound.epoch &&
    compareReleases(candidate.release, bound.release) === 0 &&
    candidate.pre?.letter === bound.pre?.letter &&
    candidate.pre?.number === bound.pre?.number
  );
}

function inSeries(candidate: VersionParts, bound: VersionParts, prefix: readonly string[]): boolean {
  return candidate.epoch === bound.epoch && hasReleasePrefix(candidate, prefix);
}

/** The candidate's local part counts only where the clause has one. */
function equals(candidate: VersionParts, bound: VersionParts): boolean {
  return compareVersionParts(bound.local === undefined ? withoutLocal(candidate) : candidate, bound) === 0;
}

function withoutLocal(parts: VersionParts): VersionParts {
  return { ...parts, local: undefined };
}

function isPre(parts: VersionParts): boolean {
  return parts.pre !== undefined || parts.dev !== undefined;
}

function required(text: string): VersionParts {
  const parts = parseVersionParts(text);
  if (parts === undefined) {
    throw new RennetError('bad-metadata', `"${text.slice(0, 100)}" is no PEP 440 version.`);
  }
  return parts;
}
