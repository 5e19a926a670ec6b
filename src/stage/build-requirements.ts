import { join } from 'node:path';
import type { OfficialDist } from '../debian/archive-index.ts';
import type { Image } from '../model/machine.ts';
import { RennetError } from '../model/errors.ts';
import { AttemptEnd } from '../model/outcome.ts';
import type { TargetFacts } from '../model/target.ts';
import type { WheelPlace } from '../python/name.ts';
import { evaluateMarker, markerEnvironment, parseRequirement, type Requirement } from '../python/requirement.ts';
import { canonicalVersion, compareVersions, specifierAccepts } from '../python/version.ts';
import { readWheelMetadata } from '../python/wheel.ts';
import { programDist } from './build-programs.ts';
import { chooseWheel, type IndexWheel } from './index-wheel.ts';
import { type DownloadClock, type StagePorts, timeDownload } from './ports.ts';
import { exceededPins } from './upper-pins.ts';

/** How one project that a build asks for is met. */
export type Choice =
  | {
      readonly by: 'official';
      readonly requirement: string;
      readonly project: string;
      readonly version: string;
      readonly dist: OfficialDist;
    }
  | {
      readonly by: 'index';
      readonly requirement: string;
      readonly project: string;
      readonly version: string;
      readonly path: string;
      readonly filename: string;
      readonly sha256: string;
    };

export interface ResolvedBuild {
  readonly choices: readonly Choice[];
  readonly notes: readonly string[];
  /** Upper pins were left aside, because the suite's packages are newer. */
  readonly pinsIgnored: boolean;
  /** Packages of the suite serve where the index may have newer tools. */
  readonly mayBeNewer: boolean;
}

/**
 * Which build tools are taken. `suite`: the suite's where they are new enough, although an upper pin may be below them. `pinned`: the suite's
 * where they fit exactly. `newest`: those of the index that fit exactly; only what is compiled for the architecture stays the suite's, because
 * what it links is what runs.
 */
export type BuildTools = 'suite' | 'pinned' | 'newest';

export interface ResolveOptions {
  readonly tools: BuildTools;
  /** Folder for wheels of the index. */
  readonly folder: string;
  /** Whose build it is, for sentences: `mmh3 5.1.0`. */
  readonly release: string;
}

/** A build that needs more wheels than this of the index is not made from Debian packages any more. */
const MAX_WHEELS = 40;
/** Each round adds a bound to at least one project; real chains need one or two. */
const MAX_ROUNDS = 20;

/** Bounds met so far, for each project: what a round learned too late is known to the next one. */
type Bounds = Map<string, Set<string>>;

class Conflict extends Error {}

/**
 * Meets build requirements (PEP 508 texts, as declared): official packages where their version fits, otherwise the newest wheel of
 * the index that fits, with its own requirements. No search: where a later bound refuses an earlier choice, all is chosen again with both bounds.
 * Throws AttemptEnd `unsatisfiable` with the requirement and what the suite has.
 */
export async function resolveBuildRequirements(
  requirements: readonly string[],
  options: ResolveOptions,
  ports: StagePorts,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<ResolvedBuild> {
  const bounds: Bounds = new Map();
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    try {
      return await chooseAll(requirements, bounds, options, ports, clock, signal);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
  }
  throw unmet(options.release, 'its build requirements contradict one another');
}

interface Wanted {
  readonly text: string;
  readonly extras: readonly string[];
}

async function chooseAll(
  requirements: readonly string[],
  bounds: Bounds,
  options: ResolveOptions,
  ports: StagePorts,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<ResolvedBuild> {
  const { facts } = ports.archive;
  const environment = markerEnvironment(facts);
  const chosen = new Map<string, Choice>();
  const expanded = new Set<string>();
  const notes = new Set<string>();
  const queue: Wanted[] = requirements.map((text) => ({ text, extras: [] }));
  let wheels = 0;
  for (let wanted = queue.shift(); wanted !== undefined; wanted = queue.shift()) {
    signal.throwIfAborted();
    const requirement = parseRequirement(wanted.text);
    const { project, specifier, marker } = requirement;
    if (![...wanted.extras, ''].some((extra) => evaluateMarker(marker, environment, extra))) continue;
    if (requirement.url !== undefined)
      throw unmet(options.release, `its build requires ${project} from an address of its own`);
    const bound = bounds.get(project) ?? new Set();
    bounds.set(project, bound.add(specifier));
    const before = chosen.get(project);
    const choice =
      before ?? (await choose(requirement, joined(bound), wanted.text, options, ports, clock, notes, signal));
    if (before && !stillFits(before, joined(bound), options)) throw new Conflict(project);
    chosen.set(project, choice);
    if (choice.by !== 'index') continue;
    if (!before && (wheels += 1) > MAX_WHEELS) {
      throw unmet(options.release, `its build needs more than ${MAX_WHEELS} wheels of the index`);
    }
    const key = `${project}[${requirement.extras.join()}]`;
    if (expanded.has(key)) continue;
    expanded.add(key);
    const { requiresDist } = await readWheelMetadata(choice.path, choice.filename);
    queue.push(...requiresDist.map((text) => ({ text, extras: requirement.extras })));
  }
  const choices = [...chosen.values()];
  const pinsIgnored = choices.some(({ project, version }) => {
    const bound = joined(bounds.get(project) ?? new Set());
    return bound !== '' && !accepts(bound, version);
  });
  const mayBeNewer = choices.some((choice) => choice.by === 'official' && choice.dist.architecture === 'all');
  return { choices, notes: [...notes], pinsIgnored, mayBeNewer };
}

function joined(bounds: ReadonlySet<string>): string {
  return [...bounds].filter((specifier) => specifier !== '').join(',');
}

function stillFits(choice: Choice, specifier: string, { tools }: ResolveOptions): boolean {
  if (specifierAccepts(specifier, choice.version, { prereleases: true })) return true;
  return choice.by === 'official' && tools === 'suite' && exceededPins(specifier, choice.version) !== undefined;
}

async function choose(
  { project }: Requirement,
  specifier: string,
  text: string,
  options: ResolveOptions,
  ports: StagePorts,
  clock: DownloadClock,
  notes: Set<string>,
  signal: AbortSignal,
): Promise<Choice> {
  const { facts } = ports.archive;
  const program = programDist(project, ports.archive);
  const dists = program ? [program] : ports.archive.dists(project);
  const official = (dist: OfficialDist): Choice => ({
    by: 'official',
    requirement: text,
    project,
    version: dist.upstreamVersion,
    dist,
  });
  const fitting = dists.find((dist) => specifier === '' || accepts(specifier, dist.upstreamVersion));
  if (fitting && (options.tools !== 'newest' || fitting.architecture !== 'all')) return official(fitting);
  const newer =
    options.tools === 'suite' ? dists.find((dist) => isOnlyNewer(specifier, dist.upstreamVersion)) : undefined;
  if (newer) {
    notes.add(
      `The build asks for ${project}${specifier}; the suite's newer ${newer.package} ${newer.packageVersion} was tried.`,
    );
    return official(newer);
  }
  const place = wheelPlace(facts, ports.images.build);
  const page = await timeDownload(clock, () => ports.index.project(project, signal)).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.code !== 'unknown-project') throw error;
    if (fitting) return undefined;
    throw unmet(
      options.release,
      `its build requires ${project}; ${facts.suite} has no package of it, and the index has no such project`,
    );
  });
  const wheel = page && chooseWheel(page, specifier, place, facts.pythonFull);
  if (fitting && !isNewer(wheel, fitting)) return official(fitting);
  const has = dists.map((dist) => `${dist.package} ${dist.packageVersion}`).join(', ') || 'no package of it';
  if (!wheel) {
    throw unmet(
      options.release,
      `its build requires ${project}${specifier}; ${facts.suite} has ${has}, and the index has no wheel of it for Python ${facts.python} on ${facts.architecture}`,
    );
  }
  // Code of strangers that runs in the build: what is recorded of it must be what the index says of it.
  if (wheel.file.sha256 === undefined && wheel.file.otherHash === undefined) {
    throw unmet(
      options.release,
      `its build requires ${project}${specifier}; ${facts.suite} has ${has}, and the index gives no sha256, sha384 or sha512 for ${wheel.file.filename}, so it cannot be pinned by hash`,
    );
  }
  const path = join(options.folder, wheel.file.filename);
  const { sha256 } = await timeDownload(clock, () => ports.index.download(wheel.file, path, ports.progress, signal));
  notes.add(
    `The build uses ${project} ${wheel.version} of the index (wanted ${project}${specifier}; ${facts.suite} has ${has}).`,
  );
  return {
    by: 'index',
    requirement: text,
    project,
    version: wheel.version,
    path,
    filename: wheel.file.filename,
    sha256,
  };
}

/** An official version may be no PEP 440 version; then no specifier accepts it. */
function accepts(specifier: string, version: string): boolean {
  try {
    return specifierAccepts(specifier, version, { prereleases: true });
  } catch {
    return false;
  }
}

function isNewer(wheel: IndexWheel | undefined, { upstreamVersion }: OfficialDist): wheel is IndexWheel {
  if (wheel === undefined || (wheel.file.sha256 === undefined && wheel.file.otherHash === undefined)) return false;
  return canonicalVersion(upstreamVersion) === undefined || compareVersions(wheel.version, upstreamVersion) > 0;
}

function isOnlyNewer(specifier: string, version: string): boolean {
  try {
    return exceededPins(specifier, version) !== undefined;
  } catch {
    return false;
  }
}

/** The C library of the build image bounds manylinux wheels (PEP 600). */
function wheelPlace(facts: TargetFacts, image: Image): WheelPlace {
  const libc = image.packages.find((entry) => entry.package === 'libc6')?.version ?? '';
  return { python: facts.python, architecture: facts.architecture, glibc: /^\d+\.\d+/.exec(libc)?.[0] ?? '2.17' };
}

function unmet(release: string, why: string): AttemptEnd {
  return new AttemptEnd({ kind: 'unsatisfiable', sentence: `${release} cannot be built: ${why}.` });
}
