import type { Admitted } from './admit/admission.ts';
import type { RunningAttempt } from './attempt.ts';
import { type Compared, compareTree } from './check-step.ts';
import type { Evidence } from './model/evidence.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import { admitWheel } from './steps.ts';
import { fromWheel, obtainWheel } from './wheel-fall-back.ts';

/** The files of a package that passed every rule and hold all that upstream's own build of the release holds. */
export interface ObtainedTree {
  readonly evidence: Evidence;
  readonly admitted: Admitted;
  readonly compared: Compared;
}

/**
 * The tree of a release, from its sdist; where that gives less than upstream's pure wheel of the same release has (files, requirements,
 * extras, entry points), from that wheel. Compared before anything is made of it, so that a defect costs no further build.
 */
export async function obtainTree(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<ObtainedTree> {
  const evidence = await obtainWheel(recipe, attempt, ports, signal);
  const admitted = await admitWheel(evidence, attempt, ports, signal);
  try {
    return { evidence, admitted, compared: await compareTree(admitted, evidence, attempt, ports, signal) };
  } catch (error) {
    if (!(error instanceof AttemptEnd)) throw error;
    const instead = fromWheel(evidence.recipe, error.outcome);
    // What the comparison showed of the sdist's tree is for nobody where another one is taken.
    if (instead === undefined) throw new AttemptEnd(error.outcome, [...admitted.ledger, ...error.ledger]);
    ports.progress({ doing: `taking ${instead.source.filename}, because the sdist gives less` });
    return obtainTree(instead, attempt, ports, signal);
  }
}
