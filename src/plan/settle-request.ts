import { ask, type SearchPorts } from './enter.ts';
import { type Failure, isFailure } from './failure.ts';
import type { PlanRequest } from './ports.ts';
import { search } from './search.ts';
import { demandOf, type Demand, type State } from './state.ts';

/**
 * Settles one more wanted project beside those that are settled. Where it can have the releases that it would have alone,
 * the others stay as they are; else all are settled anew together, so that each of them counts in the order typed.
 */
export async function settleRequest(
  request: PlanRequest,
  settled: readonly PlanRequest[],
  state: State,
  base: State,
  wanted: readonly PlanRequest[],
  ports: SearchPorts,
  signal: AbortSignal,
): Promise<State | Failure> {
  const roots = new Map(
    wanted.flatMap(({ project, forceOfficial, rebuild = false, requiredBy }) =>
      requiredBy === undefined ? [[project, { forceOfficial, rebuild }] as const] : [],
    ),
  );
  const together = async (requests: readonly PlanRequest[], from: State): Promise<State | Failure> => {
    const demands = requests.map(demandOfRequest);
    const start = await ask(from, demands, ports);
    if ('reason' in start) return clashFailure(request, start.reason, demands.slice(-1));
    return search(start, roots, ports, signal);
  };
  const alone = await together([request], base);
  if (isFailure(alone) || settled.length === 0) return alone;
  const beside = await together([request], state);
  if (!isFailure(beside) && isWithin(alone, beside)) return beside;
  const anew = await together([...settled, request], base);
  if (!isFailure(anew)) return anew;
  if (!isFailure(beside)) return beside;
  const others = settled.map(({ project }) => project).join(', ');
  return clashFailure(request, `does not go together with what else is wanted (${others}): ${anew.text}`, [], anew);
}

function demandOfRequest({ project, specifier, extras = [], requiredBy }: PlanRequest): Demand {
  return demandOf(project, { specifier, extras }, requiredBy === undefined ? [] : [requiredBy]);
}

function isWithin(part: State, whole: State): boolean {
  return [...part.decisions].every(([project, { version }]) => whole.decisions.get(project)?.version === version);
}

function clashFailure({ project }: PlanRequest, reason: string, demands: readonly Demand[], cause?: Failure): Failure {
  const refusal = { as: 'unsatisfiable', reason } as const;
  const failure = { failed: project, version: '', refusal, text: `${project} ${reason}`, heldBack: [], demands };
  return { ...failure, blame: new Map(), ...(cause && { cause }) };
}
