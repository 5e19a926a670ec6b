import type { RunningAttempt } from './attempt.ts';
import type { Outcome } from './model/outcome.ts';
import type { Plan, Recipe } from './model/recipe.ts';
import { plan } from './plan/plan.ts';
import type { PlanRequest } from './plan/ports.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { keepDeb, publishDeb } from './publication.ts';
import { admitWheel, assembleDeb, buildWheel, checkDeb, resolveRequirements } from './steps.ts';

/*
 * release ──plan──▶ recipe ──stage──▶ inputs ──build──▶ evidence ──admit──▶ tree ──assemble──▶ .deb ──check──▶ verdict ──publish──▶ apt repository
 *
 * Package code runs in `build` and `check` only, each in a fresh guest. The host reads a guest's output as hostile bytes, after
 * the guest is dead. A stage that cannot go on throws AttemptEnd with the outcome; src/attempt.ts records it.
 */

/** Decides what to build for one project. `rebuild` plans it although it is published. */
export async function planProject(
  request: Omit<PlanRequest, 'target'> & { rebuild: boolean },
  ports: PlanPorts,
  signal: AbortSignal,
): Promise<Plan> {
  const target = ports.archive.facts;
  const { rows } = await ports.store.publishedRows(target.suite);
  // Only what apt finds on this target: not a row that no index held yet, not another architecture's package.
  const found = rows.filter(
    ({ publishedAt, architecture }) =>
      publishedAt !== undefined && (architecture === 'all' || architecture === target.architecture),
  );
  const published = request.rebuild ? found.filter((row) => row.project !== request.project) : found;
  return plan({ ...request, target }, { ...ports, published }, signal);
}

/** From a recipe to a published (or kept) package. */
export async function runStages(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Outcome> {
  const evidence = await buildWheel(recipe, attempt, ports, signal);
  const admitted = await admitWheel(evidence, attempt, ports, signal);
  const resolution = resolveRequirements(admitted, recipe, ports);
  for (let number = await firstBuildNumber(recipe, admitted.hasElf, ports); ; ) {
    const deb = await assembleDeb(admitted, recipe, resolution, number, attempt, ports, signal);
    await checkDeb(deb, admitted, resolution, attempt, ports, signal);
    if (recipe.forceOfficial) return keepDeb(deb, recipe, attempt, ports);
    const ended = await attempt.watch.time('publish', () => publishDeb(deb, number, recipe, attempt, ports, signal));
    if ('kind' in ended) return ended;
    // A published version never changes its bytes: other bytes get the next build number.
    number = ended.nextBuild;
  }
}

function firstBuildNumber({ target, package: name, upstreamVersion }: Recipe, hasElf: boolean, { store }: FlowPorts) {
  return store.nextBuild(target.suite, name, upstreamVersion, hasElf ? target.architecture : 'all');
}
