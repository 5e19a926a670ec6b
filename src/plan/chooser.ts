import type { Resolution, ResolveRequirements } from '../model/recipe.ts';
import type { CoreMetadata } from '../model/release.ts';
import type { TargetFacts } from '../model/target.ts';
import type { Candidate, Judged, Refusal } from './candidates.ts';
import { pythonFits } from './python-bounds.ts';

/** What is known of a candidate's metadata: itself, that only a build can tell, or that it cannot be read. */
export type Known = { readonly metadata: CoreMetadata } | { readonly untold: string } | { readonly broken: string };

/** The next step: read a candidate's metadata, take a release, or give up. */
export type Choice =
  | { readonly step: 'read'; readonly candidate: Candidate }
  | {
      readonly step: 'chosen';
      readonly candidate: Candidate;
      /** Absent where the requirements are known only after the build. */
      readonly resolution?: Resolution;
      readonly heldBack: readonly HeldBack[];
    }
  | {
      readonly step: 'none';
      readonly version: string;
      readonly refusal: Refusal;
      readonly heldBack: readonly HeldBack[];
    };

interface HeldBack {
  readonly version: string;
  readonly reason: string;
}

/** Going back through more releases than this helps nobody. */
export const MAX_METADATA_READS = 20;

/**
 * Chooses the newest release that the target can have, from recorded data alone: the same data give the same choice.
 * The caller reads what a `read` step asks for, adds it to `known` (by version) and asks again.
 */
export function choose(
  judged: readonly Judged[],
  known: ReadonlyMap<string, Known>,
  resolve: ResolveRequirements,
  target: TargetFacts,
): Choice {
  const heldBack: HeldBack[] = [];
  let first: { version: string; refusal: Refusal } | undefined;
  let reads = 0;
  for (const { version, candidate, refusal: onPage } of judged) {
    let refusal = onPage;
    if (candidate !== undefined) {
      if (reads === MAX_METADATA_READS) break;
      const facts = known.get(version);
      if (facts === undefined) return { step: 'read', candidate };
      reads += 1;
      const verdict = weigh(facts, resolve, target);
      if (!('reason' in verdict)) return { step: 'chosen', candidate, heldBack, ...verdict };
      refusal = verdict;
    }
    if (refusal === undefined) continue;
    heldBack.push({ version, reason: refusal.reason });
    // The newest one that is wanted at all tells most: not a pre-release, not a yanked one.
    if (first === undefined || (first.refusal.as === 'held' && refusal.as !== 'held')) first = { version, refusal };
  }
  const { version = '', refusal = { as: 'no-source', reason: 'has no files that can be read' } as const } = first ?? {};
  return { step: 'none', version, refusal, heldBack: heldBack.filter((other) => other.version !== version) };
}

function weigh(known: Known, resolve: ResolveRequirements, target: TargetFacts): { resolution?: Resolution } | Refusal {
  if ('broken' in known) return { as: 'unsatisfiable', reason: `cannot be read: ${known.broken.replace(/\.$/, '')}` };
  if ('untold' in known) return {};
  const { requiresPython, requiresDist, providesExtra } = known.metadata;
  if (!pythonFits(requiresPython, target)) {
    return {
      as: 'not-for-target',
      reason: `needs Python ${requiresPython ?? ''}, and ${target.suite} has ${target.pythonFull}`,
    };
  }
  const resolution = resolve(requiresDist, providesExtra);
  if (resolution.unmet.length === 0) return { resolution };
  const sentences = resolution.unmet.map(({ sentence }) => sentence.replace(/\.$/, ''));
  const more = sentences.length > 3 ? ` (and ${sentences.length - 3} more)` : '';
  return { as: 'unsatisfiable', reason: `cannot be built: ${sentences.slice(0, 3).join('; ')}${more}` };
}
