import { RennetError } from '../model/errors.ts';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import type { Plan, PlanItem } from '../model/recipe.ts';
import { parseSpecifier, specifierAccepts } from '../python/version.ts';
import { NO_BOUNDS } from './bounds.ts';
import type { Candidate } from './candidates.ts';
import type { SearchPorts } from './enter.ts';
import { extraRequirements, formatRequirement } from './extras.ts';
import type { Failure } from './failure.ts';
import type { HeldBack } from './chooser.ts';
import { createIndexFacts } from './index-facts.ts';
import { blockedItems, itemsOf } from './items.ts';
import { upstreamOf } from './official.ts';
import { nameDoubt, packageName } from './own.ts';
import type { PlanPorts, PlanRequest } from './ports.ts';
import { resolver } from './resolver.ts';
import { settleRequest } from './settle-request.ts';
import { NOTHING_YET, type State } from './state.ts';

export type { State as PlanState } from './state.ts';

/** One wanted project with its plan, or the error that left it without one. */
export type Planned = { readonly project: string } & (
  | { readonly plan: Plan; readonly error?: undefined }
  | { readonly error: unknown; readonly plan?: undefined }
);

/** Plans one project alone; see `planAll`. */
export async function plan(request: PlanRequest, ports: PlanPorts, signal: AbortSignal): Promise<Plan> {
  const [first] = (await planAll([request], ports, signal)).planned;
  if (first?.plan === undefined) throw first?.error;
  return first.plan;
}

/**
 * Decides what to build for each wanted project on the target and in which order: the newest release that fits with all
 * that it requires, or one sentence why none does. One version of each project serves all plans together; what is
 * settled in `base` stays, and the state given back is the next base. Nothing is asked for but pages and metadata of the
 * releases looked at (the sdist itself where no wheel tells); a project that the suite provides costs no request at all.
 * RennetError `bad-usage`, `bad-specifier`. An error of one project stands in its place: `unknown-project`,
 * `unknown-version`, or as the index client; after one of the infrastructure no further project is planned.
 */
export async function planAll(
  requests: readonly PlanRequest[],
  ports: PlanPorts,
  signal: AbortSignal,
  base: State = NOTHING_YET,
): Promise<{ planned: readonly Planned[]; state: State }> {
  const target = requests[0]?.target ?? ports.archive.facts;
  const searchPorts = { ...ports, facts: createIndexFacts(ports, signal), target, bounds: ports.bounds ?? NO_BOUNDS };
  const wanted = requests.map(checked);
  const settled: PlanRequest[] = [];
  const ends: { project: string; end?: Failure | PlanItem; error?: unknown }[] = [];
  let state = base;
  for (const request of wanted) {
    const { project } = request;
    try {
      const official = officialItem(request, ports);
      if (official !== undefined) wanted.push(...(await wantedByExtras(request, official, searchPorts)));
      const decided = official ?? nameTaken(request, ports);
      const end = decided ?? (await settleRequest(request, settled, state, base, wanted, searchPorts, signal));
      if ('decisions' in end) {
        state = end;
        settled.push(request);
      }
      ends.push('decisions' in end ? { project } : { project, end });
    } catch (error) {
      signal.throwIfAborted();
      ends.push({ project, error });
      if (!(error instanceof RennetError) || error.kind === 'infrastructure') break;
    }
  }
  const typed = new Set(ends.map(({ project }) => project));
  for (const project of broughtByExtras(state)) if (!typed.has(project)) ends.push({ project });
  const planned = ends.map(
    async ({ project, end, error }): Promise<Planned> =>
      error === undefined ? { project, plan: await planOf(project, end, state, searchPorts) } : { project, error },
  );
  return { planned: await Promise.all(planned), state };
}

async function planOf(
  project: string,
  end: Failure | PlanItem | undefined,
  state: State,
  ports: SearchPorts,
): Promise<Plan> {
  const { target } = ports;
  if (end !== undefined && 'action' in end) return { target, items: [end], heldBack: [], warnings: [], notes: [] };
  if (end !== undefined)
    return {
      target,
      items: blockedItems(end, ports.archive),
      heldBack: shown(end.heldBack),
      warnings: [],
      notes: [],
    };
  const items = itemsOf(project, state, ports);
  const { heldBack = [] } = state.decisions.get(project) ?? {};
  const notes = items.flatMap((item) => {
    const { candidate } = state.decisions.get(item.project) ?? {};
    return item.action === 'build' && candidate ? notesOnCandidate(item.project, candidate) : [];
  });
  return {
    target,
    items,
    heldBack: shown(heldBack),
    warnings: items.flatMap((item) => oldRelease(item, state)),
    notes,
  };
}

function shown(heldBack: readonly HeldBack[]): Plan['heldBack'] {
  return heldBack.map(({ version, reason }) => ({ version, reason }));
}

/** A release is old where newer final ones that were asked for as much exist and do not fit. */
function oldRelease({ project, version }: PlanItem, { decisions }: State): string[] {
  const newer = decisions.get(project)?.heldBack.filter(({ isHeld }) => isHeld !== true) ?? [];
  const [newest] = newer;
  if (newest === undefined) return [];
  const others = newer.length === 1 ? '' : ` (and ${newer.length - 1} more between them do not fit either)`;
  return [`${project} ${version} is an old release, because ${newest.version} ${newest.reason}${others}.`];
}

function checked(request: PlanRequest): PlanRequest {
  if (!isProjectName(request.project)) {
    throw new RennetError('bad-usage', `${JSON.stringify(request.project.slice(0, 100))} is no name of a project.`);
  }
  parseSpecifier(request.specifier);
  return { ...request, project: normaliseProject(request.project) };
}

/** Official packages win (DESIGN.md): no competitor is built for this target, whatever version is asked for. */
function officialItem(
  { project, specifier, target, forceOfficial }: PlanRequest,
  { archive }: PlanPorts,
): PlanItem | undefined {
  const dist = archive.dists(project)[0];
  if (dist === undefined || forceOfficial) return undefined;
  const version = upstreamOf(dist) ?? '';
  const fits = specifier === '' || (version !== '' && specifierAccepts(specifier, version, { prereleases: true }));
  const provides = `${target.suite} provides ${project} as ${dist.package} ${dist.packageVersion}`;
  const sentence = fits
    ? `${provides}; install that.`
    : `${provides}, which is not ${specifier}; Rennet builds no second one beside it (--force-official makes a private build).`;
  return { project, version, action: 'official', package: dist.package, sentence, needs: [] };
}

/** The suite has a package of our name that may be of this project or of another one. */
function nameTaken({ project, forceOfficial }: PlanRequest, { archive }: PlanPorts): PlanItem | undefined {
  const doubt = nameDoubt(project, archive);
  if (forceOfficial || doubt === undefined) return undefined;
  const common = { project, version: '', package: packageName(project, archive), needs: [] };
  return { ...common, action: 'blocked', sentence: `${project}: ${doubt}.`, blockedAs: 'held' };
}

/** What the wanted extras of a project that the suite provides need and the suite lacks: wanted too. */
async function wantedByExtras(
  { project, extras = [], target }: PlanRequest,
  { version }: PlanItem,
  { archive, facts, bounds }: SearchPorts,
): Promise<PlanRequest[]> {
  if (extras.length === 0 || version === '') return [];
  await facts.learn(project, version);
  const brought = extraRequirements(project, facts.requirementsOf(project, version) ?? [], extras, target);
  const resolve = resolver(archive, [], target, { project, version }, facts.requirementsOf, bounds);
  const { unmet } = resolve(brought.map(formatRequirement), []);
  const [hopeless] = unmet.filter(({ wanted }) => wanted === undefined);
  if (hopeless !== undefined)
    throw new RennetError('unmet-relations', `${project}[${extras.join(',')}] cannot be had: ${hopeless.sentence}`);
  return unmet.flatMap(({ project: name, wanted }) =>
    wanted === undefined ? [] : [{ project: name, ...wanted, target, forceOfficial: false }],
  );
}

/** What extras that a person named brought into the plan: wanted beside what has them, required by nothing. */
function broughtByExtras({ demands }: State): string[] {
  return [...demands].flatMap(([project, asked]) => (asked.some(({ by }) => by[0] === '') ? [project] : []));
}

/** What is odd about the file that is taken. */
function notesOnCandidate(project: string, { source, yanked, version }: Candidate): string[] {
  return [
    ...(yanked === undefined
      ? []
      : [`${project} ${version} was yanked${yanked}; it is taken because exactly this version was asked for.`]),
    ...(source.sha256 === undefined && source.otherHash === undefined
      ? [`The index gives no usable hash for ${source.filename}; what comes is taken as it is.`]
      : []),
  ];
}
