import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { TargetFacts } from '../model/target.ts';
import type { Bounds } from './bounds.ts';
import { extraRequirements, formatRequirement } from './extras.ts';
import { type Clash, clashOfCycle, clashWith } from './failure.ts';
import type { IndexFacts } from './index-facts.ts';
import type { PublishedPackage } from './ports.ts';
import { resolver } from './resolver.ts';
import { type Decision, type Demand, demandOf, type State, wayBetween, withDecision, withDemands } from './state.ts';

/** What a search works on: recorded data only. */
export interface SearchPorts {
  readonly archive: ArchiveIndex;
  readonly published: readonly PublishedPackage[];
  readonly facts: IndexFacts;
  readonly target: TargetFacts;
  readonly bounds: Bounds;
}

/** A closure of more projects than this is nobody's package any more. */
export const MAX_PROJECTS = 200;

/**
 * Settles on a release: it goes into the state with all that it asks for, what its extras bring to those who name them
 * included. A clash where that goes against what is settled, or closes a circle.
 */
export async function enter(
  state: State,
  decision: Decision,
  demands: readonly Demand[],
  ports: SearchPorts,
): Promise<State | Clash> {
  const { project } = decision;
  const work = [...demands];
  for (const pending of state.demands.get(project) ?? []) {
    const brought = await demandsOfExtras(pending, decision, ports);
    if ('reason' in brought) return brought;
    work.push(...brought);
  }
  return ask(withDecision(state, decision), work, ports);
}

/** Adds demands, and what their extras bring. A clash where one of them goes against what is settled, or closes a circle. */
export async function ask(state: State, demands: readonly Demand[], ports: SearchPorts): Promise<State | Clash> {
  let next = state;
  const checked = new Set<string>();
  for (let batch = distinct(demands); batch.length > 0; ) {
    const names = new Set([...next.demands.keys(), ...batch.map((demand) => demand.project)]);
    if (names.size > MAX_PROJECTS + typedIn(next)) {
      const reason = `cannot be built: it needs more than ${MAX_PROJECTS} projects that ${ports.target.suite} lacks`;
      return { reason, blame: new Map() };
    }
    next = withDemands(next, batch);
    const brought: Demand[] = [];
    for (const demand of batch) {
      const settled = next.decisions.get(demand.project);
      if (settled === undefined) continue;
      if (!demand.accepts(settled.version)) return clashWith(demand, settled, next);
      const edge = `${demand.by[0] ?? ''} ${demand.project}`;
      if (settled.action === 'build' && !checked.has(edge)) {
        const way = wayBetween(next, demand.project, demand.by[0] ?? '');
        if (way !== undefined) return clashOfCycle(way);
      }
      checked.add(edge);
      const more = await demandsOfExtras(demand, settled, ports);
      if ('reason' in more) return more;
      brought.push(...more);
    }
    const known = [...next.demands.values()].flat();
    batch = distinct(brought).filter((more) => !known.some((other) => isSame(other, more)));
  }
  return next;
}

/** Each once, without what somebody asks of himself by way of an extra. */
function distinct(demands: readonly Demand[]): Demand[] {
  const others = demands.filter(({ project, by }) => by[0] !== project);
  return [...new Map(others.map((demand) => [`${demand.by[0] ?? ''} ${demand.text}`, demand])).values()];
}

function typedIn({ demands }: State): number {
  return [...demands.values()].filter((asked) => asked.some(({ by }) => by.length === 0)).length;
}

function isSame(one: Demand, other: Demand): boolean {
  return one.text === other.text && one.by[0] === other.by[0];
}

/** What the extras that a demand names bring to the one who asks, once the release is known. */
async function demandsOfExtras(
  { by: [asker = ''], project, extras }: Demand,
  decision: Decision,
  { archive, target, facts, bounds }: SearchPorts,
): Promise<readonly Demand[] | Clash> {
  if (extras.length === 0) return [];
  if (decision.row !== undefined) await facts.learn(project, decision.version, decision.row);
  const requirements = decision.requires?.requirements ?? facts.requirementsOf(project, decision.version) ?? [];
  const brought = extraRequirements(project, requirements, extras, target).filter((more) => more.project !== asker);
  const resolve = resolver(archive, [], target, { project: asker, version: '' }, facts.requirementsOf, bounds);
  const { unmet } = resolve(brought.map(formatRequirement), []);
  const hopeless = unmet.find(({ wanted }) => wanted === undefined);
  if (hopeless !== undefined) {
    const blame = new Map([asker, project].map((name) => [name, 'any'] as const));
    const named = `${project}[${extras.join(',')}]`;
    return {
      reason: `cannot be built: ${named} is required, for which ${hopeless.sentence.replace(/\.$/, '')}`,
      blame,
    };
  }
  return unmet.flatMap(({ project: name, wanted }) => (wanted ? [demandOf(name, wanted, [asker, project])] : []));
}
