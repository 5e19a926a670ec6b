import pLimit from 'p-limit';
import { type AttemptPorts, buildItem, recordError, recordItem, recordOutcome } from './build-project.ts';
import { planProjects } from './flow.ts';
import { RennetError } from './model/errors.ts';
import { AttemptEnd, type Outcome } from './model/outcome.ts';
import type { Plan, PlanItem, Recipe, UnmetRequirement } from './model/recipe.ts';
import type { PlanState } from './plan/plan.ts';
import type { PlanRequest } from './plan/ports.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { createSlots } from './slots.ts';
import type { Attempt } from './store/records.ts';

export type ProjectRequest = Omit<PlanRequest, 'target' | 'requiredBy'>;

export interface ClosurePorts {
  readonly planPorts: PlanPorts;
  /** Makes images and driver; called once, and only when something is to be built. */
  readonly openFlowPorts: () => Promise<Omit<FlowPorts, 'buildMissing'>>;
  /** How many attempts run at once. */
  readonly jobs: number;
  readonly onPlan: (plan: Plan) => void;
  /** Told once when another rennet builds the same project for the same target. */
  readonly onWait: (sentence: string) => void;
  /** Told of an error that ended an attempt; the attempt has its sentence too. */
  readonly onError: (error: unknown) => void;
  readonly onAttempt: (attempt: Attempt) => void;
}

/** How an item ended for those that wait for it. */
type End = { readonly there: true } | { readonly there: false; readonly culprit?: Attempt };

const THERE: End = { there: true };

/**
 * Plans the wanted projects together and builds what is to be built, each in its own guests, as soon as what it requires is
 * there. Every wanted project and every build ends in exactly one recorded attempt; what this host or the index lacks ends
 * the run, and `untried` names what was left.
 */
export async function buildClosure(
  requests: readonly ProjectRequest[],
  ports: ClosurePorts,
  commandStartedAt: number,
  signal: AbortSignal,
): Promise<{ ended: readonly Attempt[]; untried: readonly string[] }> {
  const { planPorts, jobs } = ports;
  const ended: Attempt[] = [];
  const untried = new Set<string>();
  const slots = createSlots(jobs);
  const onePlan = pLimit(1);
  const builds = new Map<string, Promise<End>>();
  let isStopped = false;
  let planMs = 0;
  let state: PlanState | undefined;
  let flowPorts: Promise<FlowPorts> | undefined;

  const planned = await planWanted();
  planMs = performance.now() - commandStartedAt;
  await allEnded(
    planned.map(async ({ project, plan, error }) => {
      if (plan !== undefined) await startPlan(plan, project);
      else await tell(recordError(project, error, attemptPorts(), signal));
    }),
  );
  return { ended, untried: [...untried] };

  async function planWanted() {
    try {
      const found = await planProjects(requests, planPorts, signal);
      ({ state } = found);
      for (const request of requests.slice(found.planned.length)) untried.add(request.project);
      return found.planned;
    } catch (error) {
      const [first, ...others] = requests;
      for (const request of others) untried.add(request.project);
      return first === undefined ? [] : [{ project: first.project, error }];
    }
  }

  /** Starts what a plan builds, and ends with it; `wanted` gets an attempt also where nothing is to be built. */
  async function startPlan(plan: Plan, wanted?: string): Promise<void> {
    ports.onPlan(plan);
    const ends = plan.items.flatMap((item) => (item.recipe ? [start({ ...item, recipe: item.recipe })] : []));
    const last = plan.items.at(-1);
    if (last !== undefined && last.recipe === undefined && last.project === wanted)
      ends.push(tell(recordItem(last, attemptPorts(), signal)).then(() => THERE));
    await allEnded(ends);
  }

  async function start(item: PlanItem & { recipe: Recipe }): Promise<End> {
    const before = builds.get(item.project);
    if (before !== undefined) return before;
    const end = run(item);
    // Who waits for it sees its error; until then nobody may be waiting.
    end.catch(() => {});
    builds.set(item.project, end);
    return end;
  }

  async function run(item: PlanItem & { recipe: Recipe }): Promise<End> {
    // The items that it needs come before it, so their builds are known.
    const needs = await Promise.all(item.needs.map(async (need) => ({ need, end: await builds.get(need) })));
    const failed = needs.find(({ need, end }) => need !== item.project && end?.there === false);
    if (failed?.end?.there === false) return without(item, failed.need, failed.end.culprit);
    return slots.run(async () => {
      if (isStopped || signal.aborted) return leave(item.project);
      const isAsked = requests.some((request) => request.project === item.project && request.rebuild === true);
      const rebuild = isAsked || item.rebuild === true;
      const openFlowPorts = async () => {
        const opened = await openOnce();
        if (builds.size < 2) return opened;
        const progress: FlowPorts['progress'] = (event) => opened.progress({ of: item.project, ...event });
        return { ...opened, progress };
      };
      const attempt = await tell(
        buildItem(item, rebuild, { ...attemptPorts(), openFlowPorts, onWait: ports.onWait }, signal),
      );
      return attempt.outcome === 'published' || attempt.outcome === 'kept' ? THERE : { there: false, culprit: attempt };
    });
  }

  /** Of something whose requirement could not be had. */
  async function without(item: PlanItem, need: string, culprit: Attempt | undefined): Promise<End> {
    if (isStopped || culprit === undefined) return leave(item.project);
    const outcome = withoutNeed(`${item.project} ${item.version} was not built`, need, culprit);
    await tell(recordOutcome(item, outcome, attemptPorts(), signal));
    return { there: false, culprit };
  }

  function leave(project: string): End {
    untried.add(project);
    return { there: false };
  }

  /** Builds what a wheel turned out to require; the slot of the one who waits is free meanwhile. */
  async function buildMissing(asker: Recipe, missing: readonly UnmetRequirement[], inner: AbortSignal): Promise<void> {
    const cannot = `${asker.project} ${asker.version} cannot be installed on ${asker.target.suite}`;
    const wanted = missing.map(({ project, wanted: asked }) => ({
      project,
      specifier: asked?.specifier ?? '',
      forceOfficial: false,
      requiredBy: asker.project,
    }));
    const more = await onePlan(async () => {
      const found = await planProjects(wanted, planPorts, inner, state);
      ({ state } = found);
      return found.planned;
    });
    for (const { plan, error } of more) {
      if (plan === undefined) throw error;
      const last = plan.items.at(-1);
      if (last?.action === 'blocked')
        throw new AttemptEnd({
          kind: 'unsatisfiable',
          sentence: `${cannot}: it requires ${last.project}, and ${last.sentence}`,
        });
    }
    await slots.without(() => allEnded(more.map(async ({ plan }) => plan && startPlan(plan))));
    inner.throwIfAborted();
    for (const { project } of more) {
      const end = await builds.get(project);
      if (end?.there !== false) continue;
      if (end.culprit === undefined)
        throw new AttemptEnd({
          kind: 'cancelled',
          sentence: `${cannot}: its requirement ${project} was not tried any more.`,
        });
      throw new AttemptEnd(withoutNeed(cannot, project, end.culprit));
    }
  }

  function openOnce(): Promise<FlowPorts> {
    flowPorts ??= ports.openFlowPorts().then((opened) => ({ ...opened, buildMissing }));
    return flowPorts;
  }

  function attemptPorts(): AttemptPorts {
    const onError = (error: unknown): void => {
      // What this host or the index lacks, the next project would miss as well.
      if (!(error instanceof RennetError) || error.kind === 'infrastructure') isStopped = true;
      ports.onError(error);
    };
    // Time in which others were built is not its own; the plan is.
    const startedAt = ended.length === 0 && builds.size < 2 ? commandStartedAt : performance.now() - planMs;
    return { planPorts, startedAt, planMs, onError };
  }

  async function tell(recorded: Promise<Attempt>): Promise<Attempt> {
    const attempt = await recorded;
    ended.push(attempt);
    ports.onAttempt(attempt);
    return attempt;
  }
}

/** Waits for all, also where one fails: what still runs must not outlive the run. */
async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  const ends = await Promise.allSettled(work);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** The outcome of something that waits for what failed: no fault of its own, nor of the package where this host failed. */
function withoutNeed(start: string, need: string, culprit: Attempt): Outcome {
  const { project, version, outcome = 'infrastructure', sentence } = culprit;
  const through = need === project ? '' : ` by way of ${need}`;
  const kind = outcome === 'infrastructure' || outcome === 'cancelled' ? outcome : 'unsatisfiable';
  const named = `${project}${version === '' ? '' : ` ${version}`}`;
  return { kind, sentence: `${start}: it requires ${named}${through}, which ended as ${outcome}: ${sentence}` };
}
