import { RennetError } from '../model/errors.ts';
import { compareDebianVersions, isDebianVersion } from './version.ts';

export type RelationOperator = '<<' | '<=' | '=' | '>=' | '>>';

/** One package in a relation field: `python3:any (>= 3.11) [amd64] <!nocheck>`. */
export interface Relation {
  readonly package: string;
  /** Architecture qualifier: `any` of `python3:any`. */
  readonly qualifier?: string;
  readonly bound?: { readonly operator: RelationOperator; readonly version: string };
  /** Architecture restriction of a source package, e.g. `['!i386']`. */
  readonly architectures?: readonly string[];
  /** Build profile formula, e.g. `[['!nocheck'], ['cross']]`. */
  readonly profiles?: readonly (readonly string[])[];
}

const RELATION =
  /^([a-z0-9][a-z0-9+.-]+)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>)\s*([^\s()]+)\s*\))?\s*(?:\[([^\][]*)\])?((?:\s*<[^<>]*>)*)$/;

/**
 * Reads a relation field (Debian policy 7.1): a list of conditions, each a list of alternatives.
 * Errors: `bad-deb822` for text that is no relation field.
 */
export function parseRelations(field: string): Relation[][] {
  return field
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => part.split('|').map((alternative) => parseRelation(alternative)));
}

/** Reads one relation without alternatives. Errors: `bad-deb822`. */
export function parseRelation(text: string): Relation {
  const match = RELATION.exec(text.trim());
  const [, name = '', qualifier, operator, version = '', architectures, profiles = ''] = match ?? [];
  if (!match || (operator !== undefined && !isDebianVersion(version))) {
    throw new RennetError('bad-deb822', `${JSON.stringify(text.slice(0, 120))} is no package relation.`);
  }
  const formula = [...profiles.matchAll(/<([^<>]*)>/g)].map((group) => words(group[1] ?? ''));
  return {
    package: name,
    ...(qualifier !== undefined && { qualifier }),
    ...(operator !== undefined && { bound: { operator: operator as RelationOperator, version } }),
    ...(architectures !== undefined && { architectures: words(architectures) }),
    ...(formula.length > 0 && { profiles: formula }),
  };
}

/** Writes a relation field on one line. */
export function formatRelations(relations: readonly (readonly Relation[])[]): string {
  return relations.map((alternatives) => alternatives.map(formatRelation).join(' | ')).join(', ');
}

/** Writes one relation as policy 7.1 spells it. */
export function formatRelation(relation: Relation): string {
  return [
    relation.package + (relation.qualifier === undefined ? '' : `:${relation.qualifier}`),
    relation.bound && `(${relation.bound.operator} ${relation.bound.version})`,
    relation.architectures && `[${relation.architectures.join(' ')}]`,
    ...(relation.profiles ?? []).map((group) => `<${group.join(' ')}>`),
  ]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** True when a package of the relation's name at `version` meets its bound; restrictions are not looked at. */
export function satisfies(relation: Relation, version: string): boolean {
  if (!relation.bound) return true;
  const order = compareDebianVersions(version, relation.bound.version);
  switch (relation.bound.operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
