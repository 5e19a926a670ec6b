import { recordAttempt } from './attempt.ts';
import { planProject, runStages } from './flow.ts';
import { RennetError } from './model/errors.ts';
import type { Outcome } from './model/outcome.ts';
import type { Plan, PlanItem } from './model/recipe.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import type { Attempt } from './store/records.ts';

export interface ProjectRequest {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 specifier; empty for any release. */
  readonly specifier: string;
  readonly forceOfficial: boolean;
  /** Build although it is published already. */
  readonly rebuild: boolean;
}

export interface ProjectPorts {
  readonly planPorts: PlanPorts;
  /** Makes images and driver; called only when something is to be built. */
  readonly openFlowPorts: () => Promise<FlowPorts>;
  readonly onPlan: (plan: Plan) => void;
  /** Told once when another rennet builds the same project for the same target. */
  readonly onWait: (sentence: string) => void;
  /** Told of an error that ended the attempt; the attempt has its sentence too. */
  readonly onError: (error: unknown) => void;
}

/**
 * Plans one project and, where there is something to build, builds it: always ends in exactly one recorded attempt.
 * Only one process at a time does so for a project and target; the other one waits, plans again and finds it published.
 */
export async function buildProject(
  request: ProjectRequest,
  ports: ProjectPorts,
  startedAt: number,
  signal: AbortSignal,
): Promise<Attempt> {
  const { planPorts, onWait, onError } = ports;
  const target = planPorts.archive.facts;
  const work = async (inner: AbortSignal): Promise<Attempt> => {
    const prepared = await prepare(request, ports, startedAt, inner);
    const { item, flowPorts, planMs } = prepared;
    const version = item?.version ?? '';
    return recordAttempt(
      { project: request.project, version, target, startedAt, planMs, onError },
      flowPorts ?? planPorts,
      async (running) => {
        if ('error' in prepared || !item) throw prepared.error;
        if (item.recipe && flowPorts) return runStages(item.recipe, running, flowPorts, inner);
        running.found.package = item.package;
        return outcomeOfItem(item);
      },
      inner,
    );
  };
  return planPorts.store.withBuildLock(request.project, target, onWait, work, signal);
}

interface Prepared {
  readonly item?: PlanItem;
  readonly planMs: number;
  readonly flowPorts?: FlowPorts;
  readonly error?: unknown;
}

/** What comes before an attempt can begin. An error of the release or of this host becomes the outcome of the attempt. */
async function prepare(
  request: ProjectRequest,
  { planPorts, onPlan, openFlowPorts }: ProjectPorts,
  startedAt: number,
  signal: AbortSignal,
): Promise<Prepared> {
  let planned: { item?: PlanItem; planMs: number } | undefined;
  const elapsedMs = () => performance.now() - startedAt;
  try {
    const found = await planProject(request, planPorts, signal);
    onPlan(found);
    const item = found.items.at(-1);
    if (!item) throw new RennetError('defect', 'The plan is empty.');
    planned = { item, planMs: elapsedMs() };
    return item.recipe ? { ...planned, flowPorts: await openFlowPorts() } : planned;
  } catch (error) {
    if (error instanceof RennetError && error.kind === 'user') throw error;
    return { planMs: elapsedMs(), ...planned, error };
  }
}

/** The outcome of what needs no build: it is there already, or it cannot be built. */
function outcomeOfItem(item: PlanItem): Outcome {
  const { action, sentence, blockedAs = 'unsatisfiable' } = item;
  if (action === 'official') return { kind: 'skipped-official', sentence };
  if (action === 'built') return { kind: 'published', sentence };
  return { kind: blockedAs, sentence };
}
