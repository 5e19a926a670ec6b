import { admit } from './admit/admit.ts';
import { assemble } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import { build } from './build/build.ts';
import { check } from './check/check.ts';
import { AttemptEnd, type Outcome } from './model/outcome.ts';
import type { Plan, Recipe } from './model/recipe.ts';
import { plan } from './plan/plan.ts';
import type { PlanRequest } from './plan/ports.ts';
import { resolver } from './plan/resolver.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { publishDeb } from './publication.ts';
import { type StagedJob, stage, stageCheck } from './stage/stage.ts';

/*
 * release ──plan──▶ recipe ──stage──▶ inputs ──build──▶ evidence ──admit──▶ tree ──assemble──▶ .deb ──check──▶ verdict ──publish──▶ apt repository
 *
 * Package code runs in `build` and `check` only, each in a fresh guest. The host reads a guest's output as hostile bytes, after
 * the guest is dead. A stage that cannot go on throws AttemptEnd with the outcome; src/attempt.ts records it.
 */

/** Decides what to build for one project: see src/plan. */
export async function planProject(
  request: Omit<PlanRequest, 'target'> & { rebuild: boolean },
  ports: PlanPorts,
  signal: AbortSignal,
): Promise<Plan> {
  const { rows } = await ports.store.publishedRows(ports.archive.facts.suite);
  const published = request.rebuild ? rows.filter((row) => row.project !== request.project) : rows;
  return plan({ ...request, target: ports.archive.facts }, { ...ports, published }, signal);
}
