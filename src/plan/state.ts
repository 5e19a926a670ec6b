import { debianVersion } from '../debian/pypi-version.ts';
import { parseRelation, satisfies } from '../debian/relation.ts';
import type { TargetFacts } from '../model/target.ts';
import { specifierAccepts } from '../python/version.ts';
import type { Candidate } from './candidates.ts';
import type { HeldBack } from './chooser.ts';
import type { PublishedPackage } from './ports.ts';

/** What somebody asks of a project that the suite lacks. */
export interface Demand {
  readonly project: string;
  /** As people read it: `b>=1,<2`. */
  readonly text: string;
  /** PEP 440; empty where `accepts` alone tells. */
  readonly specifier: string;
  readonly extras: readonly string[];
  /** The project that asks, then the one whose extra it is; empty for the person. */
  readonly by: readonly string[];
  readonly accepts: (version: string) => boolean;
}

/** One release that the plan has settled on. */
export interface Decision {
  readonly project: string;
  /** PEP 440. */
  readonly version: string;
  readonly action: 'build' | 'built';
  /** What would be built; absent for what is there. */
  readonly candidate?: Candidate;
  /** What is there. */
  readonly row?: PublishedPackage;
  /** Its metadata's requirements and extras; absent where only the build tells. */
  readonly requires?: { readonly requirements: readonly string[]; readonly extras: readonly string[] };
  readonly heldBack: readonly HeldBack[];
  readonly forceOfficial: boolean;
  /** Of what is there: where it came from, where that is not the index of this run. */
  readonly apart?: string;
  /** The same version is published, made of another file than the one that is asked for. */
  readonly rebuild?: boolean;
}

/** A plan in the making: what is settled and what is asked for, both in the order in which they came. Never changed, only extended. */
export interface State {
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly demands: ReadonlyMap<string, readonly Demand[]>;
}

export const NOTHING_YET: State = { decisions: new Map(), demands: new Map() };

/** The first project that is asked for and not settled. */
export function firstOpen({ decisions, demands }: State): string | undefined {
  for (const project of demands.keys()) if (!decisions.has(project)) return project;
  return undefined;
}

export function withDemands(state: State, more: readonly Demand[]): State {
  const demands = new Map(state.demands);
  const added = Map.groupBy(more, ({ project }) => project);
  for (const [project, list] of added) demands.set(project, [...(demands.get(project) ?? []), ...list]);
  return { ...state, demands };
}

export function withDecision(state: State, decision: Decision): State {
  return { ...state, decisions: new Map(state.decisions).set(decision.project, decision) };
}

/** What a requirement asks. */
export function demandOf(
  project: string,
  { specifier, extras }: { readonly specifier: string; readonly extras: readonly string[] },
  by: readonly string[],
): Demand {
  const named = extras.length === 0 ? project : `${project}[${extras.join(',')}]`;
  const accepts = (version: string) => specifierAccepts(specifier, version, { prereleases: true });
  return { project, text: `${named}${specifier}`, specifier, extras, by, accepts };
}

/** What a relation of a published package asks. */
export function demandOfRelation(project: string, relation: string, by: string, { suiteTag }: TargetFacts): Demand {
  const parsed = parseRelation(relation);
  const accepts = (version: string) => satisfies(parsed, debianVersion(version, suiteTag));
  return { project, text: relation, specifier: '', extras: [], by: [by], accepts };
}

/** Who requires whom, along what is to be built: the way from one project to another, both ends included. */
export function wayBetween({ decisions, demands }: State, from: string, to: string): string[] | undefined {
  const requiredBy = new Map<string, Set<string>>();
  for (const [project, asked] of demands)
    for (const { by } of asked) {
      const [asker] = by;
      if (asker !== undefined) requiredBy.set(asker, (requiredBy.get(asker) ?? new Set()).add(project));
    }
  const ways = [[from]];
  const seen = new Set([from]);
  for (const way of ways) {
    const last = way.at(-1) ?? from;
    if (last === to) return way;
    if (decisions.get(last)?.action === 'built') continue;
    for (const next of requiredBy.get(last) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

/** How far a project is from what the person asked for. */
export function depthOf({ demands }: State, project: string): number {
  let depth = 0;
  for (let at = project; ; depth += 1) {
    const asker = demands.get(at)?.[0]?.by[0];
    if (asker === undefined || depth > 1000) return depth;
    at = asker;
  }
}
