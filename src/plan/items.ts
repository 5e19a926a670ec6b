import { debianUpstream, debianVersion } from '../debian/pypi-version.ts';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { PlanItem, Recipe, Resolution } from '../model/recipe.ts';
import { isLocal } from '../python/local-index.ts';
import type { SearchPorts } from './enter.ts';
import type { Failure } from './failure.ts';
import { packageName } from './own.ts';
import type { PublishedPackage } from './ports.ts';
import { resolver } from './resolver.ts';
import type { Decision, State } from './state.ts';

/** The items of a settled project in build order: what it requires first, official packages included, itself last. */
export function itemsOf(wanted: string, state: State, ports: SearchPorts): PlanItem[] {
  const planned = plannedRows(state, ports);
  const items = new Map<string, PlanItem>();
  const visit = (project: string): void => {
    const decision = state.decisions.get(project);
    if (decision === undefined || items.has(project)) return;
    const resolution = resolutionOf(decision, planned, ports);
    const official = officialItems(resolution, ports.target.suite);
    const own = [...ownNeeds(project, state)];
    for (const need of own) visit(need);
    for (const item of official) if (!items.has(item.project)) items.set(item.project, item);
    const needs = [...new Set([...official.map((item) => item.project), ...own])];
    // A private build of an official project has the name of an item that others need.
    items.set(project, { ...itemOf(decision, resolution, state, ports), needs });
  };
  visit(wanted);
  return [...items.values()];
}

/** What blocks what: the deepest first, the wanted project last. */
export function blockedItems(failure: Failure, archive: ArchiveIndex): PlanItem[] {
  const { failed: project, version, refusal, text, heldBack, cause } = failure;
  const below = cause === undefined || cause.failed === project ? [] : blockedItems(cause, archive);
  const rest =
    heldBack.length === 0 ? '' : `; of the ${heldBack.length} other releases that were looked at none fits either`;
  const item: PlanItem = {
    project,
    version,
    action: 'blocked',
    package: packageName(project, archive),
    sentence: `${text}${rest}.`,
    needs: below.slice(-1).map((last) => last.project),
    blockedAs: refusal.as,
    ...(refusal.by && { blockedBy: refusal.by }),
  };
  return [...below.filter((other) => other.project !== project), item];
}

function* ownNeeds(project: string, { demands, decisions }: State): Generator<string> {
  for (const [name, asked] of demands) if (decisions.has(name) && asked.some(({ by }) => by[0] === project)) yield name;
}

/** Everything that is there when the plan is done. */
function plannedRows({ decisions }: State, { archive, published, target }: SearchPorts): PublishedPackage[] {
  const planned = [...decisions.values()].flatMap(({ project, version, action, forceOfficial }) =>
    action === 'built' || forceOfficial
      ? []
      : [
          {
            package: packageName(project, archive),
            project,
            upstream: debianUpstream(version),
            version: debianVersion(version, target.suiteTag),
          },
        ],
  );
  const builds = new Set(planned.map((row) => row.project));
  return [...published.filter((row) => !builds.has(row.project)), ...planned];
}

function resolutionOf(
  { project, version, requires }: Decision,
  rows: readonly PublishedPackage[],
  { archive, target, facts, bounds }: SearchPorts,
): Resolution | undefined {
  if (requires === undefined) return undefined;
  const self = { project, version };
  return resolver(archive, rows, target, self, facts.requirementsOf, bounds)(requires.requirements, requires.extras);
}

function officialItems(resolution: Resolution | undefined, suite: string): PlanItem[] {
  const official = resolution?.met.filter(({ by }) => by === 'official') ?? [];
  const items = official.map(
    ({ project, version, package: name, packageVersion }): PlanItem => ({
      project,
      version,
      action: 'official',
      package: name,
      sentence: `${suite} provides ${project} as ${name} ${packageVersion}.`,
      needs: [],
    }),
  );
  return [...new Map(items.map((item) => [item.project, item])).values()];
}

function itemOf(
  { project, version, action, row, candidate, heldBack, forceOfficial, apart, rebuild }: Decision,
  resolution: Resolution | undefined,
  state: State,
  { archive, target }: SearchPorts,
): PlanItem {
  const name = packageName(project, archive);
  const common = { project, version, needs: [] };
  if (action === 'built' || candidate === undefined) {
    const sentence = `${project} ${version} is published already as ${row?.package ?? name} ${row?.version ?? ''}${apart ? `, made from ${apart}` : ''}.`;
    return { ...common, action: 'built', package: row?.package ?? name, sentence, ...(apart && { apart }) };
  }
  const { source, wheels } = candidate;
  const upstreamVersion = debianUpstream(version);
  const recipe: Recipe = {
    project,
    version,
    target,
    source,
    package: name,
    upstreamVersion,
    wheels,
    forceOfficial,
  };
  const newest = heldBack[0];
  const asked = new Set(
    (state.demands.get(project) ?? []).map(({ specifier }) => specifier).filter((text) => text !== ''),
  );
  const rank = isLocal(source)
    ? 'from a local source'
    : newest === undefined
      ? asked.size === 0
        ? 'newest release'
        : `newest release that is ${[...asked].join(',')}`
      : `newest release that fits, because ${newest.version} ${newest.reason}`;
  const wheel = source.kind === 'wheel' && !isLocal(source) ? '; there is no sdist, so its pure wheel is used' : '';
  const sentence = `${project} ${version}: ${rank}${wheel}; ${requirementsPart(resolution, target.suite)}.`;
  return { ...common, action: 'build', package: name, sentence, recipe, ...(rebuild && { rebuild }) };
}

function requirementsPart(resolution: Resolution | undefined, suite: string): string {
  if (resolution === undefined) return 'its requirements are known only after the build';
  const packages = (by: 'official' | 'rennet') => [
    ...new Map(resolution.met.filter((met) => met.by === by).map((met) => [met.package, met])).values(),
  ];
  const [official, own] = [packages('official'), packages('rennet')];
  const [first] = official;
  const listed = official.map((met) => `${met.package} ${met.packageVersion}`).join(', ');
  const parts = [
    ...(first === undefined ? [] : [`${listed} of ${suite}`]),
    ...(own.length === 0 ? [] : [`Rennet's own ${own.map((met) => `${met.project} ${met.version}`).join(', ')}`]),
  ];
  if (parts.length === 0) return 'it requires nothing but Python';
  if (official.length === 1 && own.length === 0)
    return `its requirement ${first?.project ?? ''} is met by ${listed} of ${suite}`;
  return `its requirements are met by ${parts.join(' and ')}`;
}
