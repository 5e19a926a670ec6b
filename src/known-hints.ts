import type { ArchiveIndex } from './debian/archive-index.ts';
import { parseRelation, satisfies } from './debian/relation.ts';
import { joinHints } from './hints/join-hints.ts';
import { type Hint, NO_HINT } from './model/hint.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { PlanItem, Recipe } from './model/recipe.ts';
import type { Planned } from './plan/plan.ts';
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

/** The plans with a note for each build that gets more than its release declares. */
export async function withHintNotes(
  planned: readonly Planned[],
  ports: Pick<PlanPorts, 'hints' | 'store' | 'archive'>,
): Promise<readonly Planned[]> {
  if (!planned.some(({ plan }) => plan?.items.some(({ recipe }) => recipe !== undefined))) return planned;
  const { suite } = ports.archive.facts;
  const rows = await ports.store.hints({ suite });
  const noteOf = ({ project, version, recipe }: PlanItem) => {
    const hint = recipe === undefined ? NO_HINT : joinHints({ project, version, suite }, ports.hints, rows);
    const inBuild = [...hint.buildPackages.map((one) => one.package), ...hint.buildRequirements];
    const depends = hint.depends.map((one) => one.package);
    return [
      ...(inBuild.length > 0 ? [`Hints give the build of ${project} ${version} ${inBuild.join(', ')}.`] : []),
      ...(depends.length > 0 ? [`Hints let ${project} ${version} depend on ${depends.join(', ')}.`] : []),
    ];
  };
  return planned.map((one) =>
    one.plan === undefined
      ? one
      : { ...one, plan: { ...one.plan, notes: [...one.plan.notes, ...one.plan.items.flatMap(noteOf)] } },
  );
}
