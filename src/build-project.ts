import { recordAttempt } from './attempt.ts';
import { runStages } from './flow.ts';
import { withHints } from './known-hints.ts';
import { RennetError } from './model/errors.ts';
import type { Outcome } from './model/outcome.ts';
import type { PlanItem, Recipe } from './model/recipe.ts';
import { ownPackages } from './own-packages.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import type { Attempt } from './store/records.ts';

/** What one attempt of a run needs to know of it. */
export interface AttemptPorts {
  readonly planPorts: PlanPorts;
  /** Monotonic clock from which the attempt's time counts. */
  readonly startedAt: number;
  readonly planMs: number;
  /** Told of an error that ended the attempt; the attempt has its sentence too. */
  readonly onError: (error: unknown) => void;
}

export interface BuildItemPorts extends AttemptPorts {
  /** Makes images and driver; a failure of theirs ends the attempt. */
  readonly openFlowPorts: () => Promise<FlowPorts>;
  /** Told once when another rennet builds the same project for the same target. */
  readonly onWait: (sentence: string) => void;
}

/**
 * Builds one item of a plan: one recorded attempt. Only one process at a time does so for a project and target; the other
 * one waits and then finds it published, unless `rebuild` asks for a build in any case.
 */
export async function buildItem(
  { recipe }: { readonly recipe: Recipe },
  rebuild: boolean,
  ports: BuildItemPorts,
  signal: AbortSignal,
): Promise<Attempt> {
  const { planPorts, openFlowPorts, onWait } = ports;
  const { project, version, target, forceOfficial, upstreamVersion } = recipe;
  const work = async (inner: AbortSignal): Promise<Attempt> => {
    const rows = rebuild || forceOfficial ? [] : await ownPackages(planPorts.store, target);
    const there = rows.find((row) => row.project === project && row.upstream === upstreamVersion);
    if (there !== undefined) {
      const sentence = `${project} ${version} is published already as ${there.package} ${there.version}.`;
      return recordOutcome({ project, version, package: there.package }, { kind: 'published', sentence }, ports, inner);
    }
    const opened = await openFlowPorts().catch((error: unknown) => ({ error }));
    const flowPorts = 'error' in opened ? undefined : opened;
    return recordAttempt(
      { project, version, target, ...timesOf(ports), onError: ports.onError },
      flowPorts ?? planPorts,
      async (running) => {
        if ('error' in opened) throw opened.error;
        return runStages(await withHints(recipe, opened), running, opened, inner);
      },
      inner,
    );
  };
  return planPorts.store.withBuildLock(project, target, onWait, work, signal);
}

/** Records the attempt of an item that needs no build: it is there already, or it cannot be built. */
export async function recordItem(item: PlanItem, ports: AttemptPorts, signal: AbortSignal): Promise<Attempt> {
  const { action, sentence, blockedAs = 'unsatisfiable', blockedBy } = item;
  const kind = action === 'official' ? 'skipped-official' : action === 'built' ? 'published' : blockedAs;
  return recordOutcome(item, { kind, sentence, ...blockedBy }, ports, signal);
}

/** Records an attempt that ended before it could begin. */
export async function recordOutcome(
  of: { readonly project: string; readonly version: string; readonly package?: string },
  outcome: Outcome,
  ports: AttemptPorts,
  signal: AbortSignal,
): Promise<Attempt> {
  const { project, version } = of;
  const target = ports.planPorts.archive.facts;
  return recordAttempt(
    { project, version, target, ...timesOf(ports) },
    ports.planPorts,
    (running) => {
      if (of.package !== undefined) running.found.package = of.package;
      return Promise.resolve(outcome);
    },
    signal,
  );
}

/** Records the error that left a project without a plan. What the person did wrong is thrown on. */
export async function recordError(
  project: string,
  error: unknown,
  ports: AttemptPorts,
  signal: AbortSignal,
): Promise<Attempt> {
  if (error instanceof RennetError && error.kind === 'user') throw error;
  const target = ports.planPorts.archive.facts;
  const fail = () => Promise.reject<Outcome>(error instanceof Error ? error : new Error(String(error)));
  return recordAttempt(
    { project, version: '', target, ...timesOf(ports), onError: ports.onError },
    ports.planPorts,
    fail,
    signal,
  );
}

function timesOf({ startedAt, planMs }: AttemptPorts): { startedAt: number; planMs: number } {
  return { startedAt, planMs };
}
