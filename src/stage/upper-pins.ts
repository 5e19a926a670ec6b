import { canonicalVersion, compareVersions, parseSpecifier, specifierAccepts } from '../python/version.ts';

/**
 * The clauses of a specifier that only say "not newer than", as far as `version` is newer: `<2`, `==1.4`, `~=1.0`. Undefined where the
 * version is refused for any other reason too (too old, excluded). A version that fits gives an empty list.
 */
export function exceededPins(specifier: string, version: string): readonly string[] | undefined {
  const exceeded: string[] = [];
  for (const clause of parseSpecifier(specifier)) {
    const text = clause.operator + clause.version;
    if (specifierAccepts(text, version, { prereleases: true })) continue;
    const bound = canonicalVersion(clause.version.replace(/\.\*$/, ''));
    const isUpper = ['<', '<=', '==', '~='].includes(clause.operator) && bound !== undefined;
    if (!isUpper || compareVersions(version, bound) < 0) return undefined;
    exceeded.push(text);
  }
  return exceeded;
}
