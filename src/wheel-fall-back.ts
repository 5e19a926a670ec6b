import type { RunningAttempt } from './attempt.ts';
import { outcomeOfError } from './attempt.ts';
import { buildWheel } from './build-step.ts';
import { RennetError } from './model/errors.ts';
import type { Evidence } from './model/evidence.ts';
import { AttemptEnd, type Outcome } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import { pureWheelFor } from './plan/pure-wheel.ts';
import type { FlowPorts } from './ports.ts';

/**
 * The wheel of a release: built from its sdist; where the sdist cannot be built for the target and upstream has a pure wheel of the same
 * release that fits, that one. The evidence's recipe then names the wheel as source, and the sdist in whose place it stands.
 */
export async function obtainWheel(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const evidence = await build(recipe, attempt, ports, signal);
  const madeFrom = evidence.recipe.source.kind;
  attempt.found.provenance = {
    ...attempt.found.provenance,
    madeFrom,
    ...(evidence.recipe.inPlaceOf && { inPlaceOf: evidence.recipe.inPlaceOf }),
  };
  return evidence;
}

async function build(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  try {
    return await buildWheel(recipe, attempt, ports, signal);
  } catch (error) {
    const outcome = signal.aborted ? undefined : unbuildable(error);
    const instead = outcome && fromWheel(recipe, outcome);
    if (instead === undefined) throw error;
    ports.progress({ doing: `taking ${instead.source.filename}, because the sdist cannot be built` });
    return await buildWheel(instead, attempt, ports, signal);
  }
}

/** The order for upstream's pure wheel in place of the sdist, which ended so; undefined where there is none. */
export function fromWheel(recipe: Recipe, outcome: Outcome): Recipe | undefined {
  const wheel = insteadOfSdist(recipe);
  return wheel && { ...recipe, source: wheel, inPlaceOf: { filename: recipe.source.filename, outcome } };
}

/**
 * How a build ended that says nothing against the release: it failed, its build requirements cannot be met, or its texts cannot be read.
 * An sdist that breaks a rule (an archive that leads out of its folder, a wrong hash) makes the whole release doubtful.
 */
export function unbuildable(error: unknown): Outcome | undefined {
  if (error instanceof AttemptEnd)
    return ['build-failed', 'unsatisfiable'].includes(error.outcome.kind) ? error.outcome : undefined;
  return error instanceof RennetError && error.code === 'bad-metadata' ? outcomeOfError(error) : undefined;
}

function insteadOfSdist({ source, wheels, project, target }: Recipe): Recipe['source'] | undefined {
  return source.kind === 'sdist' ? pureWheelFor(wheels, project, target) : undefined;
}

/** The outcome of a release whose wheel was to stand in the place of an sdist and is refused: both are told. */
export function neitherServes({ inPlaceOf, source }: Recipe, refusal: string): Outcome | undefined {
  if (inPlaceOf === undefined) return undefined;
  const { outcome } = inPlaceOf;
  return { ...outcome, sentence: `${outcome.sentence} Nor does upstream's ${source.filename} do: ${refusal}` };
}
