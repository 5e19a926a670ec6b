import { RennetError } from '../model/errors.ts';
import type { Candidate, Refusal } from './candidates.ts';
import { MAX_PROJECTS, type SearchPorts } from './enter.ts';
import { learnExtras } from './learn-extras.ts';
import { pythonFits } from './python-bounds.ts';
import { resolver } from './resolver.ts';
import { type Decision, type Demand, demandOf } from './state.ts';

interface Weighed {
  readonly known: Pick<Decision, 'requires'>;
  /** What it asks for that the suite lacks; everything else is met. */
  readonly demands: readonly Demand[];
}

/** Reads a candidate's metadata and holds it against the target; what only a build can tell counts as asking for nothing. */
export async function weighMetadata(
  candidate: Candidate,
  project: string,
  isTyped: boolean,
  { archive, published, facts, target, bounds }: SearchPorts,
): Promise<Weighed | Refusal> {
  const known = await facts.known(project, candidate).catch((error: unknown) => {
    // What is wrong with a release that a person typed is told as it is; of others another release may do.
    if (isTyped || !(error instanceof RennetError) || error.kind !== 'package') throw error;
    return { broken: error };
  });
  if ('broken' in known) return unreadable(known.broken);
  if ('untold' in known) return { known: {}, demands: [] };
  const { requiresPython, requiresDist, providesExtra } = known.metadata;
  if (!pythonFits(requiresPython, target)) {
    return {
      as: 'not-for-target',
      reason: `needs Python ${requiresPython ?? ''}, and ${target.suite} has ${target.pythonFull}`,
    };
  }
  const self = { project, version: candidate.version };
  const roughly = resolver(archive, published, target, self, undefined, bounds)(requiresDist, providesExtra);
  const lacking = new Set(roughly.unmet.map((unmet) => unmet.project)).size;
  // Before the index is asked for each of them.
  if (lacking > MAX_PROJECTS)
    return {
      as: 'unsatisfiable',
      reason: `cannot be built: it needs more than ${MAX_PROJECTS} projects that ${target.suite} lacks (${lacking})`,
    };
  await learnExtras(requiresDist, archive, published, target, facts);
  const { unmet } = resolver(archive, [], target, self, facts.requirementsOf, bounds)(requiresDist, providesExtra);
  const hopeless = unmet.filter(({ wanted }) => wanted === undefined);
  if (hopeless.length > 0) {
    const sentences = hopeless.map(({ sentence }) => sentence.replace(/\.$/, ''));
    const more = sentences.length > 3 ? ` (and ${sentences.length - 3} more)` : '';
    return { as: 'unsatisfiable', reason: `cannot be built: ${sentences.slice(0, 3).join('; ')}${more}` };
  }
  const demands = unmet.flatMap(({ project: name, wanted }) => (wanted ? [demandOf(name, wanted, [project])] : []));
  return { known: { requires: { requirements: requiresDist, extras: providesExtra } }, demands };
}

/** As the attempt would have ended that came upon it. */
function unreadable({ code, message }: RennetError): Refusal {
  const reason = `cannot be read: ${message.replace(/\.$/, '')}`;
  return code === 'bad-metadata'
    ? { as: 'build-failed', by: { class: code }, reason }
    : { as: 'rejected', by: { rule: code }, reason };
}
