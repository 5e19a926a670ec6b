import { join } from 'node:path';
import type { Admitted } from './admit/admission.ts';
import { admit } from './admit/admit.ts';
import { type AssembledDeb, assemble } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import type { Evidence } from './model/evidence.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe, Resolution } from './model/recipe.ts';
import { ownPackages, publishedRequirements } from './own-packages.ts';
import { createIndexFacts } from './plan/index-facts.ts';
import { learnExtras } from './plan/learn-extras.ts';
import { pythonRelations } from './plan/python-bounds.ts';
import { resolver } from './plan/resolver.ts';
import type { FlowPorts } from './ports.ts';
import { neitherServes } from './wheel-fall-back.ts';

/*
 * Each function runs one stage of the flow with what that stage asks for, and writes down what the attempt keeps of it.
 */

/** Reads the wheel as hostile bytes; ends the attempt with the rule that stopped it. */
export async function admitWheel(
  evidence: Evidence,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Admitted> {
  ports.progress({ doing: `judging the wheel of ${evidence.recipe.project} ${evidence.recipe.version}` });
  const admitPorts = { official: ports.archive, published: ports.store, folder: attempt.folder };
  const admission = await attempt.watch.time('admit', () => admit(evidence, admitPorts, signal));
  if (admission.admitted) return admission;
  const { outcome, rule, sentence, ledger } = admission;
  const neither = outcome === 'rejected' ? neitherServes(evidence.recipe, sentence) : undefined;
  throw new AttemptEnd(neither ?? { kind: outcome, rule, sentence }, ledger);
}

/** Each round builds what the last one found missing; an extra of what was built may bring more. */
const MAX_ROUNDS = 5;

/**
 * The requirements of the wheel itself, which count: the plan knew only what the index said. What can be built and is not
 * there is built now.
 */
export async function resolveRequirements(
  admitted: Admitted,
  recipe: Recipe,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Resolution> {
  const { requiresDist, providesExtra } = admitted.metadata;
  const { archive, store, index } = ports;
  for (let round = 1; ; round += 1) {
    // Anew in each round: what was published since tells more.
    const facts = createIndexFacts(
      { index, publishedRequirements: (row) => publishedRequirements(store, row) },
      signal,
    );
    const published = await ownPackages(store, recipe.target);
    await learnExtras(requiresDist, archive, published, recipe.target, facts);
    const resolve = resolver(archive, published, recipe.target, recipe, facts.requirementsOf, ports.bounds);
    const resolution = resolve(requiresDist, providesExtra);
    const [first] = resolution.unmet;
    if (!first) return resolution;
    if (round > MAX_ROUNDS || resolution.unmet.some(({ wanted }) => !wanted)) {
      const sentence = `${recipe.project} ${recipe.version} cannot be installed on ${recipe.target.suite}: ${first.sentence}`;
      throw new AttemptEnd({ kind: 'unsatisfiable', sentence }, [...resolution.ledger, ...admitted.ledger]);
    }
    await ports.buildMissing(recipe, resolution.unmet, signal);
  }
}

/** Writes the `.deb` and books what it is called. */
export async function assembleDeb(
  admitted: Admitted,
  recipe: Recipe,
  resolution: Resolution,
  buildNumber: number,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<AssembledDeb> {
  const assemblePorts = {
    archive: ports.archive,
    maintainer: ports.maintainer,
    pythonRelations: (bound: string | undefined) => pythonRelations(bound, recipe.target),
    build: buildNumber,
    folder: join(attempt.folder, 'deb'),
  };
  const deb = await attempt.watch.time('assemble', () => assemble(admitted, recipe, resolution, assemblePorts, signal));
  attempt.ledger.splice(0, attempt.ledger.length, ...deb.ledger);
  attempt.found.package = deb.package;
  attempt.found.packageVersion = deb.version;
  return deb;
}
