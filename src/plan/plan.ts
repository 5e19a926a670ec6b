import { debianUpstream } from '../debian/pypi-version.ts';
import { RennetError } from '../model/errors.ts';
import type { Plan, PlanItem, Recipe, Resolution } from '../model/recipe.ts';
import type { Project } from '../model/release.ts';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import { isPrerelease, parseSpecifier, specifierAccepts } from '../python/version.ts';
import { readCandidate } from './candidate-metadata.ts';
import { judgeReleases } from './candidates.ts';
import { type Choice, choose, type Known } from './chooser.ts';
import { upstreamOf } from './official.ts';
import type { PlanPorts, PlanRequest } from './ports.ts';
import { resolver } from './resolver.ts';

type Chosen = Extract<Choice, { step: 'chosen' }>;

/**
 * Decides what to build for one project on one target: the newest release that fits, or one sentence why none does.
 * Nothing is asked for but the project's page and the metadata of the releases looked at (the sdist itself where no
 * wheel tells); a project that the suite provides costs no request at all. RennetError `bad-usage`, `bad-specifier`,
 * `unknown-project`, `unknown-version`, or as the index client.
 */
export async function plan(request: PlanRequest, ports: PlanPorts, signal: AbortSignal): Promise<Plan> {
  if (!isProjectName(request.project)) {
    throw new RennetError('bad-usage', `${JSON.stringify(request.project.slice(0, 100))} is no name of a project.`);
  }
  const wanted = { ...request, project: normaliseProject(request.project) };
  parseSpecifier(wanted.specifier);
  const decided = officialItem(wanted, ports) ?? nameTaken(wanted, ports);
  if (decided !== undefined) return { target: wanted.target, items: [decided], heldBack: [], notes: [] };
  const project = await ports.index.project(wanted.project, signal);
  const choice = await chooseRelease(wanted, project, ports, signal);
  const item = choice.step === 'chosen' ? buildItem(wanted, choice, ports) : blockedItem(wanted, choice);
  return { target: wanted.target, items: [item], heldBack: choice.heldBack, notes: notesOn(choice, project) };
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

/** The suite has a package of our name that is not known to be this project. */
function nameTaken({ project, target, forceOfficial }: PlanRequest, { archive }: PlanPorts): PlanItem | undefined {
  const name = packageName(project);
  if (forceOfficial || !archive.hasPackage(name)) return undefined;
  const sentence = `${project}: ${target.suite} has a package ${name} ${archive.packageVersion(name) ?? ''} that is not known to be this project; a person has to decide (rule package-name).`;
  return { project, version: '', action: 'blocked', package: name, sentence, needs: [], blockedAs: 'held' };
}

async function chooseRelease(
  request: PlanRequest,
  project: Project,
  ports: PlanPorts,
  signal: AbortSignal,
): Promise<Exclude<Choice, { step: 'read' }>> {
  const judged = judgeReleases(project, request.specifier, request.target);
  if (judged.length === 0 && project.releases.length > 0) throw unknownVersion(request, project);
  const resolve = resolver(ports.archive, ports.published, request.target, request.project);
  const known = new Map<string, Known>();
  for (;;) {
    const choice = choose(judged, known, resolve, request.target);
    if (choice.step !== 'read') return choice;
    known.set(choice.candidate.version, await readCandidate(choice.candidate, request.project, ports.index, signal));
  }
}

function buildItem(request: PlanRequest, choice: Chosen, { published }: PlanPorts): PlanItem {
  const { project, target } = request;
  const { version, source, expectsExtension } = choice.candidate;
  const name = packageName(project);
  const upstreamVersion = debianUpstream(version);
  const own = published.find((row) => row.project === project && row.upstream === upstreamVersion);
  const common = { project, version, package: name, needs: [] };
  if (own !== undefined && !request.forceOfficial) {
    return {
      ...common,
      action: 'built',
      sentence: `${project} ${version} is published already as ${own.package} ${own.version}.`,
    };
  }
  const recipe: Recipe = {
    project,
    version,
    target,
    source,
    package: name,
    upstreamVersion,
    expectsExtension,
    forceOfficial: request.forceOfficial,
  };
  return { ...common, action: 'build', sentence: buildSentence(request, choice), recipe };
}

function blockedItem(
  { project }: PlanRequest,
  { version, refusal: { as, reason }, heldBack: { length: others } }: Extract<Choice, { step: 'none' }>,
): PlanItem {
  const name = version === '' ? project : `${project} ${version}`;
  const rest = others === 0 ? '' : `; of the ${others} other releases that were looked at none fits either`;
  const sentence = `${name} ${reason}${rest}.`;
  return { project, version, action: 'blocked', package: packageName(project), sentence, needs: [], blockedAs: as };
}

/** `ftfy 6.3.1: newest release; its requirement wcwidth is met by python3-wcwidth 0.2.5+dfsg1-1.1 of bookworm.` */
function buildSentence(
  { project, specifier, target }: PlanRequest,
  { candidate, heldBack, resolution }: Chosen,
): string {
  const newest = heldBack[0];
  const rank =
    newest === undefined
      ? specifier === ''
        ? 'newest release'
        : `newest release that is ${specifier}`
      : `newest release that fits, because ${newest.version} ${newest.reason}`;
  const source = candidate.source.kind === 'wheel' ? '; there is no sdist, so its pure wheel is used' : '';
  return `${project} ${candidate.version}: ${rank}${source}; ${requirementsPart(resolution, target.suite)}.`;
}

function requirementsPart(resolution: Resolution | undefined, suite: string): string {
  if (resolution === undefined) return 'its requirements are known only after the build';
  const packages = new Map(resolution.met.filter(({ by }) => by === 'official').map((met) => [met.package, met]));
  const [first] = packages.values();
  if (first === undefined) return 'it requires nothing but Python';
  if (packages.size === 1)
    return `its requirement ${first.project} is met by ${first.package} ${first.packageVersion} of ${suite}`;
  const list = [...packages.values()].map((met) => `${met.package} ${met.packageVersion}`).join(', ');
  return `its requirements are met by ${list} of ${suite}`;
}

function notesOn(choice: Exclude<Choice, { step: 'read' }>, project: Project): string[] {
  if (choice.step === 'none') {
    const { length } = project.unreadable;
    const first = project.unreadable[0];
    return project.releases.length > 0 || first === undefined
      ? []
      : [
          `The index lists ${length} files of ${project.name}, none that can be read; the first: ${JSON.stringify(first.filename)}, ${first.reason}.`,
        ];
  }
  const { source, yanked, version } = choice.candidate;
  return [
    ...(yanked === undefined
      ? []
      : [`${project.name} ${version} was yanked${yanked}; it is taken because exactly this version was asked for.`]),
    ...(source.sha256 === undefined && source.otherHash === undefined
      ? [`The index gives no usable hash for ${source.filename}; what comes is taken as it is.`]
      : []),
  ];
}

function unknownVersion({ project, specifier }: PlanRequest, { releases }: Project): RennetError {
  const finals = releases.filter(({ version }) => !isPrerelease(version));
  const newest = (finals.length > 0 ? finals : releases).slice(0, 3).map(({ version }) => version);
  return new RennetError(
    'unknown-version',
    `The index has no ${project}${specifier}; ${newest.length === 1 ? 'its only release is' : 'the newest releases are'} ${newest.join(', ')}.`,
    'Ask for one of those, or for another specifier.',
  );
}

function packageName(project: string): string {
  return `python3-${project}`;
}
