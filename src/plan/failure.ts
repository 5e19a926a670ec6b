import type { Refusal } from './candidates.ts';
import type { HeldBack } from './chooser.ts';
import type { Decision, Demand, State } from './state.ts';

/**
 * Which decisions a failure hangs on: as long as each of them stands, it fails again. Demands say that another release
 * of that project helps only where it meets one of them.
 */
export type Blame = ReadonlyMap<string, readonly Demand[] | 'any'>;

/** Why no release of a project goes with what is settled. */
export interface Failure {
  readonly failed: string;
  /** The release that tells most; empty where there is none. */
  readonly version: string;
  readonly refusal: Refusal;
  /** One sentence without its full stop. */
  readonly text: string;
  readonly heldBack: readonly HeldBack[];
  readonly demands: readonly Demand[];
  readonly blame: Blame;
  /** The failure of something that the named release needs. */
  readonly cause?: Failure;
}

export function isFailure(found: State | Failure): found is Failure {
  return 'failed' in found;
}

/** What one decision would clash with. */
export interface Clash {
  readonly reason: string;
  readonly blame: Blame;
}

/** Adds up blame; what is blamed without demands stays so. */
export function addBlame(sum: Map<string, readonly Demand[] | 'any'>, more: Blame, except: string): void {
  for (const [project, hint] of more) {
    const before = sum.get(project);
    if (project === except) continue;
    sum.set(project, before === 'any' || hint === 'any' ? 'any' : [...(before ?? []), ...hint]);
  }
}

/** A clash of a demand with a release that is settled. */
export function clashWith(demand: Demand, settled: Decision, state: State): Clash {
  const others = (state.demands.get(settled.project) ?? []).filter(
    ({ by, specifier }) => by.length > 0 && specifier !== '',
  );
  const because = others.map((other) => `${askerOf(other, state)} requires ${other.text}`).slice(0, 3);
  const why = because.length === 0 ? '' : `, because ${because.join(' and ')}`;
  const blame = new Map<string, readonly Demand[] | 'any'>(demand.by.map((project) => [project, 'any'] as const));
  blame.set(settled.project, [demand]);
  return {
    reason: `cannot be built: ${demand.text} is required, and ${settled.project} ${settled.version} is chosen${why}`,
    blame,
  };
}

/** A way from a project back to itself: `a → b → a`. */
export function clashOfCycle(way: readonly string[]): Clash {
  const blame = new Map(way.map((project) => [project, 'any'] as const));
  return { reason: `cannot be built: ${cycleText(way)} require one another`, blame };
}

export function cycleText(way: readonly string[]): string {
  return [...way, ...way.slice(0, 1)].join(' → ');
}

/** The reason for passing a release over because something that it needs cannot be had. */
export function reasonFrom(failure: Failure, project: string, suite: string): string {
  const direct = failure.demands.find(({ by }) => by.includes(project));
  const hint = failure.blame.get(project);
  const reason =
    direct !== undefined
      ? `cannot be built: ${direct.text} is required, ${suite} has no package of it, and ${failure.text}`
      : hint !== undefined && hint !== 'any' && hint[0] !== undefined
        ? `is not ${hint
            .map(({ text }) => text)
            .slice(0, 3)
            .join(' or ')}, which ${hint[0].by[0] ?? ''} requires`
        : `cannot be built: ${failure.text}`;
  // A chain of reasons is as long as the chain of requirements.
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
}

const MAX_REASON = 700;

/** `a 1.0`, or `you` where a person asks. */
export function askerOf({ by }: Demand, { decisions }: State): string {
  const [asker] = by;
  if (asker === undefined) return 'the command line';
  // An extra that a person asked for: nobody's requirement.
  if (asker === '') return `an extra of ${by[1] ?? ''}`;
  const version = decisions.get(asker)?.version ?? '';
  return version === '' ? asker : `${asker} ${version}`;
}
