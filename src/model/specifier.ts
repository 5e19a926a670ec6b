import { parseVersionParts, type VersionParts } from './python-version.ts';

const OPERATORS = ['===', '==', '!=', '~=', '<=', '>=', '<', '>'] as const;
export type SpecifierOperator = (typeof OPERATORS)[number];

/** One clause of a PEP 440 specifier. */
export interface SpecifierClause {
  readonly operator: SpecifierOperator;
  /** As written, with `.*` where it was. */
  readonly version: string;
  /** True for `== 1.2.*` and `!= 1.2.*`. */
  readonly wildcard: boolean;
}

/** The clauses in the order written; the empty text has none. Undefined where the text is no specifier. */
export function readClauses(text: string): SpecifierClause[] | undefined {
  const clauses: SpecifierClause[] = [];
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const clause = readClause(part.trim());
    if (clause === undefined) return undefined;
    clauses.push(clause);
  }
  return clauses;
}

export function readClause(text: string): SpecifierClause | undefined {
  const [, operator, version] = /^(===|==|!=|~=|<=|>=|<|>)\s*([^\s;)]*)$/.exec(text) ?? [];
  if (!isOperator(operator) || version === undefined) return undefined;
  if (operator === '===') return { operator, version, wildcard: false };
  const equality = operator === '==' || operator === '!=';
  const wildcard = equality && version.endsWith('.*');
  const parts = parseVersionParts(wildcard ? version.slice(0, -2) : version);
  if (parts === undefined) return undefined;
  if (wildcard && !isBare(parts)) return undefined;
  if (!equality && parts.local !== undefined) return undefined;
  if (operator === '~=' && parts.release.length < 2) return undefined;
  return { operator, version, wildcard };
}

/** The version of a clause without its `.*`. */
export function boundOf({ version, wildcard }: SpecifierClause): string {
  return wildcard ? version.slice(0, -2) : version;
}

function isBare({ pre, post, dev, local }: VersionParts): boolean {
  return pre === undefined && post === undefined && dev === undefined && local === undefined;
}

function isOperator(text: string | undefined): text is SpecifierOperator {
  return (OPERATORS as readonly (string | undefined)[]).includes(text);
}
