import type { Admitted } from './admit/admission.ts';
import { architectureOf } from './assemble/architecture.ts';
import type { RunningAttempt } from './attempt.ts';
import { type Checkable, checkDeb, mended } from './check-step.ts';
import { withHintNotes } from './known-hints.ts';
import type { Outcome } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import { ownPackages, publishedRequirements, publishedSource } from './own-packages.ts';
import { planAll, type Planned, type PlanState } from './plan/plan.ts';
import type { PlanRequest } from './plan/ports.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { keepDeb, publishDeb } from './publication.ts';
import { writeSource } from './source-step.ts';
import { assembleDeb, resolveRequirements } from './steps.ts';
import { testDeb } from './tests-step.ts';
import { obtainTree } from './tree-step.ts';

/*
 * release ──plan──▶ recipe ──stage──▶ inputs ──build──▶ evidence ──admit──▶ tree ──assemble──▶ .deb ──check──▶ verdict ──publish──▶ apt repository
 *
 * Package code runs in `build` and `check` only, each in a fresh guest. The host reads a guest's output as hostile bytes, after
 * the guest is dead. A stage that cannot go on throws AttemptEnd with the outcome; src/attempt.ts records it.
 */

/** Decides what to build for the wanted projects, together. `base` is what is settled already and stays. */
export async function planProjects(
  wanted: readonly Omit<PlanRequest, 'target'>[],
  ports: PlanPorts,
  signal: AbortSignal,
  base?: PlanState,
): Promise<{ planned: readonly Planned[]; state: PlanState }> {
  const target = ports.archive.facts;
  const published = await ownPackages(ports.store, target);
  const { planned, state } = await planAll(
    wanted.map((request) => ({ ...request, target })),
    {
      ...ports,
      published,
      publishedRequirements: (row) => publishedRequirements(ports.store, row),
      publishedSource: (row) => publishedSource(ports.store, row),
    },
    signal,
    base,
  );
  return { planned: await withHintNotes(planned, ports), state };
}

/** From a recipe to a published (or kept) package. */
export async function runStages(
  planned: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { evidence, ...tree } = await obtainTree(planned, attempt, ports, signal);
  const { recipe } = evidence;
  const resolution = await resolveRequirements(tree.admitted, recipe, ports, signal);
  let whole: Checkable = { ...tree, resolution, mendedBy: [] };
  for (let number = await firstBuildNumber(recipe, whole.admitted, ports); ; ) {
    const { admitted } = whole;
    const deb = await assembleDeb(admitted, evidence.recipe, whole.resolution, number, attempt, ports, signal);
    const remedy = await checkDeb(deb, whole, attempt, ports, signal);
    if (remedy) {
      whole = mended(remedy, whole, recipe, ports);
      continue;
    }
    await testDeb(deb, admitted, recipe, attempt, ports, signal);
    const ended = recipe.forceOfficial
      ? await keepDeb(deb, recipe, attempt, ports)
      : await attempt.watch.time('publish', () => publishDeb(deb, number, recipe, attempt, ports, signal));
    if ('kind' in ended) {
      await writeSource(deb, admitted, whole.resolution, evidence, attempt, ports, signal);
      return ended;
    }
    // A published version never changes its bytes: other bytes get the next build number.
    number = ended.nextBuild;
  }
}

function firstBuildNumber(
  { target, package: name, upstreamVersion }: Recipe,
  admitted: Admitted,
  { store }: FlowPorts,
) {
  return store.nextBuild(target.suite, name, upstreamVersion, architectureOf(admitted, target));
}
