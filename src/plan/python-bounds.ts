import { type DebianRelations, relationsFor } from '../debian/pypi-version.ts';
import { parseRelation, satisfies } from '../debian/relation.ts';
import type { TargetFacts } from '../model/target.ts';
import { isSpecifier, specifierAccepts } from '../python/version.ts';

/** Whether the target's Python fits a Requires-Python. As pip does: no constraint where the text is no specifier. */
export function pythonFits(requiresPython: string | undefined, facts: TargetFacts): boolean {
  if (requiresPython === undefined || !isSpecifier(requiresPython)) return true;
  return specifierAccepts(requiresPython, plainVersion(facts), { prereleases: true });
}

/**
 * The relations on `python3:any` that a Requires-Python asks for: an upper bound counts even for pure code, because
 * the package stays installed when the suite's Python moves on. Bounds that the target itself would not meet are left
 * out, and named in `approximated` with `!=`. `packageVersion` is that of the suite's `python3`, which may lag behind
 * the interpreter by a patch level.
 */
export function pythonRelations(
  requiresPython: string | undefined,
  facts: TargetFacts,
  packageVersion = `${plainVersion(facts).replace(/(?=a|b|rc)/, '~')}-1`,
): DebianRelations {
  if (requiresPython === undefined || !isSpecifier(requiresPython)) return { relations: [], approximated: [] };
  let wanted: DebianRelations;
  try {
    wanted = relationsFor(requiresPython, 'python3:any');
  } catch {
    return { relations: [], approximated: [requiresPython] };
  }
  const bounds = wanted.relations.filter((relation) => relation.includes('('));
  const holding = bounds.filter((relation) => satisfies(parseRelation(relation), packageVersion));
  const lost = bounds.filter((relation) => !holding.includes(relation));
  return { relations: holding, approximated: [...wanted.approximated, ...lost] };
}

/** CPython built from a working copy says `3.12.0+`. */
function plainVersion(facts: TargetFacts): string {
  return facts.pythonFull.replace(/\+$/, '');
}
