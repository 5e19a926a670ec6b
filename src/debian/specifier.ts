import { RennetError } from '../model/errors.ts';
import { type PythonVersion, parsePythonVersion } from './pep440.ts';

export type SpecifierOperator = '>=' | '<=' | '>' | '<' | '==' | '!=' | '~=' | '===';

/** One clause of a PEP 440 specifier set; `wildcard` for `== 1.2.*` and `!= 1.2.*`. */
export interface SpecifierClause {
  readonly text: string;
  readonly operator: SpecifierOperator;
  readonly version: PythonVersion;
  readonly wildcard: boolean;
}

/**
 * Cuts a specifier set (`>=1.0, !=1.5, <2`) into clauses; an empty set gives none.
 * Errors: `bad-specifier` where the text is no specifier; `unmappable-version` where a version has no Debian form.
 */
export function parseSpecifiers(text: string): SpecifierClause[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseClause);
}

function parseClause(text: string): SpecifierClause {
  const match = /^(===|==|~=|!=|<=|>=|<|>)\s*(\S+)$/.exec(text);
  if (!match) throw badSpecifier(text);
  const operator = match[1] as SpecifierOperator;
  const written = match[2] ?? '';
  const wildcard = written.endsWith('.*');
  const version = parsePythonVersion(wildcard ? written.slice(0, -2) : written);
  if (wildcard && ((operator !== '==' && operator !== '!=') || version.pre || version.post || version.dev)) {
    throw badSpecifier(text);
  }
  if (operator === '~=' && version.release.length < 2) throw badSpecifier(text);
  return { text: `${operator}${written}`, operator, version, wildcard };
}

function badSpecifier(text: string): RennetError {
  return new RennetError('bad-specifier', `${JSON.stringify(text.slice(0, 80))} is no PEP 440 version specifier.`);
}
