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
  const { planPorts, onPlan, onWait } = ports;
  return planPorts.store.withBuildLock(
    request.project,
    planPorts.archive.facts,
    onWait,
    async (inner) => {
      const planned = await planProject(request, planPorts, inner);
      onPlan(planned);
      const item = planned.items.at(-1);
      if (!item) throw new RennetError('defect', 'The plan is empty.');
      const { project, version } = item;
      const attempt = { project, version, target: planned.target, startedAt, planMs: performance.now() - startedAt };
      const { recipe } = item;
      if (item.action !== 'build' || !recipe)
        return recordAttempt(
          attempt,
          planPorts,
          async (running) => {
            running.found.package = item.package;
            return outcomeOfItem(item);
          },
          inner,
        );
      const flowPorts = await ports.openFlowPorts();
      return recordAttempt(attempt, flowPorts, (running) => runStages(recipe, running, flowPorts, inner), inner);
    },
    signal,
  );
}

/** The outcome of what needs no build: it is there already, or it cannot be built. */
function outcomeOfItem(item: PlanItem): Outcome {
  const { action, sentence, blockedAs = 'unsatisfiable' } = item;
  if (action === 'official') return { kind: 'skipped-official', sentence };
  if (action === 'built') return { kind: 'published', sentence };
  return { kind: blockedAs, sentence };
}
