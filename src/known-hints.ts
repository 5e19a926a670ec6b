import type { ArchiveIndex } from './debian/archive-index.ts';
import { parseRelation, satisfies } from './debian/relation.ts';
import { joinHints } from './hints/join-hints.ts';
import type { Hint } from './model/hint.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { PlanPorts } from './ports.ts';

/**
 * The recipe with what the operator and earlier builds know of the release. What was learned and is no longer in the suite is
 * left out; AttemptEnd `unsatisfiable` where the operator names what the suite has not: only official packages serve.
 */
export async function withHints(
  recipe: Recipe,
  ports: Pick<PlanPorts, 'hints' | 'store' | 'archive'>,
): Promise<Recipe> {
  const { project, version, target } = recipe;
  const { suite } = target;
  const rows = await ports.store.hints({ project, suite });
  const hint = joinHints({ project, version, suite }, ports.hints, rows);
  const refused = refusedBy(hint, ports.archive);
  if (refused !== undefined) {
    const sentence = `${project} ${version} was not built: its hints ask for ${refused}, which ${suite} does not have; rennet hints shows them.`;
    throw new AttemptEnd({ kind: 'unsatisfiable', sentence });
  }
  const buildPackages = hint.buildPackages.filter((one) => ports.archive.hasPackage(one.package));
  return { ...recipe, hint: { ...hint, buildPackages } };
}

function refusedBy(
  { buildPackages, depends }: Hint,
  archive: Pick<ArchiveIndex, 'hasPackage' | 'packageVersion'>,
): string | undefined {
  const missing = buildPackages.find((one) => one.origin !== 'learned' && !archive.hasPackage(one.package));
  if (missing !== undefined) return missing.package;
  return depends.find((one) => !isOfficial(one.package, archive))?.package;
}

/** True for a relation that an official package of the suite meets. */
export function isOfficial(relation: string, archive: Pick<ArchiveIndex, 'packageVersion'>): boolean {
  const wanted = parseRelation(relation);
  const version = archive.packageVersion(wanted.package);
  return version !== undefined && satisfies(wanted, version);
}
