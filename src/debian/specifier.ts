import { RennetError } from '../model/errors.ts';
import type { VersionParts } from '../model/python-version.ts';
import { boundOf, readClauses, type SpecifierOperator } from '../model/specifier.ts';
import { parsePythonVersion } from './pep440.ts';

/** A clause of a PEP 440 specifier whose version can have a Debian form. */
export interface MappableClause {
  /** As upstream wrote it, without blanks. */
  readonly text: string;
  readonly operator: SpecifierOperator;
  readonly version: VersionParts;
  /** True for `== 1.2.*` and `!= 1.2.*`. */
  readonly wildcard: boolean;
}

/**
 * Cuts a specifier set (`>=1.0, !=1.5, <2`) into clauses; an empty set gives none.
 * Errors: `bad-specifier` where the text is no specifier; `unmappable-version` where a version has no Debian form.
 */
export function parseSpecifiers(text: string): MappableClause[] {
  const clauses = readClauses(text);
  if (!clauses)
    throw new RennetError('bad-specifier', `${JSON.stringify(text.slice(0, 80))} is no PEP 440 version specifier.`);
  return clauses.map((clause) => ({
    text: `${clause.operator}${clause.version}`,
    operator: clause.operator,
    version: parsePythonVersion(boundOf(clause)),
    wildcard: clause.wildcard,
  }));
}
