import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { Prerequisites } from '../model/machine.ts';
import { AttemptEnd } from '../model/outcome.ts';
import type { Recipe } from '../model/recipe.ts';
import { readSdist, type SdistFacts } from '../python/sdist.ts';
import { asksForWheel, backEndOf, type BuildJob, buildEnvironment, saysHowToBuild } from './build-job.ts';
import { layOutBuild } from './build-layers.ts';
import { programPackages, wantsCrates } from './build-programs.ts';
import { type BuildTools, type ResolvedBuild, resolveBuildRequirements } from './build-requirements.ts';
import { layOutCrates } from './crates/layer.ts';
import { type BuildRequirement, type DownloadClock, type StagePorts, timeDownload } from './ports.ts';

export { stageCheck } from './check-input.ts';
export { stageTests } from './tests-input.ts';
export type { BuildTools } from './build-requirements.ts';
export type { BuildRequirement, StagePorts } from './ports.ts';

export interface StagedSource {
  readonly path: string;
  readonly filename: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a build guest gets, or the pure wheel that needs none. */
export type StagedJob = StagedSdist | StagedWheel;

export interface StagedSdist {
  readonly kind: 'sdist';
  /** Folder that the guest sees as /rennet/in. */
  readonly input: string;
  readonly source: StagedSource;
  readonly sdist: SdistFacts;
  readonly buildRequirements: readonly BuildRequirement[];
  /** One sentence for each thing that a reader of the result should know. */
  readonly notes: readonly string[];
  /** Other tools that are worth another try when the build fails, in this order. */
  readonly otherTools: readonly BuildTools[];
  /** Time on the network, for the attempt's timings. */
  readonly downloadMs: number;
}

export interface StagedWheel {
  readonly kind: 'wheel';
  readonly source: StagedSource;
  readonly notes: readonly string[];
  readonly downloadMs: number;
}

export interface StageOptions {
  /** PEP 508 texts that a hook asked for in an earlier round. */
  readonly extraRequirements: readonly string[];
  readonly tools: BuildTools;
  /** Further official packages, by name: hints. */
  readonly packages?: readonly string[];
  /** How official packages come into the guest; layers where it is absent. */
  readonly prerequisites?: Prerequisites;
  /** Scratch folder of this round; what was in it is removed. */
  readonly folder: string;
}

/**
 * Lays out the input of a build: the release's file, checked against the index's hash, and a root layer with everything that
 * its build declares. Runs no package code. Throws AttemptEnd `unsatisfiable`, or RennetError from the index, the mirror and the readers.
 */
export async function stage(
  recipe: Recipe,
  options: StageOptions,
  ports: StagePorts,
  signal: AbortSignal,
): Promise<StagedJob> {
  const clock: DownloadClock = { ms: 0 };
  const input = join(options.folder, 'in');
  await rm(options.folder, { recursive: true, force: true });
  for (const folder of ['in/source', 'in/layers', 'wheels'])
    await mkdir(join(options.folder, folder), { recursive: true });
  const { filename } = recipe.source;
  if (filename.includes('/') || filename.startsWith('.'))
    throw new RennetError('bad-index-page', 'The index names a file with a path.');
  const path = join(input, 'source', filename);
  const got = await timeDownload(clock, () => ports.index.download(recipe.source, path, ports.progress, signal));
  const source: StagedSource = { path, filename, ...got };
  if (recipe.source.kind === 'wheel') return { kind: 'wheel', source, notes: [], downloadMs: clock.ms };

  const release = `${recipe.project} ${recipe.version}`;
  ports.progress({ doing: `preparing the build of ${release}` });
  const sdist = await readSdist(path, recipe, signal);
  if (!saysHowToBuild(sdist)) throw withoutBuildFiles(release);
  const backend = backEndOf(sdist);
  const wanted = [...new Set([...backend.requires, ...options.extraRequirements])];
  const resolveOptions = { tools: options.tools, folder: join(options.folder, 'wheels'), release };
  const resolved = await resolveBuildRequirements(wanted, resolveOptions, ports, clock, signal);
  const offer = asksForWheel(backend) ? ['wheel'] : [];
  const projects = resolved.choices.map(({ project }) => project);
  const programs = programPackages(projects, sdist.extensionSources, ports.archive);
  const packages = [...new Set([...programs, ...(options.packages ?? [])])];
  const crates = wantsCrates(projects) ? await layOutCrates(path, input, ports, clock, signal) : undefined;
  const { prerequisites = 'layers' } = options;
  const laidOut = await layOutBuild(
    resolved.choices,
    offer,
    packages,
    prerequisites,
    input,
    ports,
    clock,
    signal,
  ).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.code !== 'unmet-relations') throw error;
    throw new AttemptEnd({ kind: 'unsatisfiable', sentence: `${release} cannot be built: ${error.message}` });
  });
  const job: BuildJob = {
    protocol: 1,
    id: release,
    kind: 'build',
    project: recipe.project,
    version: recipe.version,
    source: `source/${filename}`,
    backend,
    met: wanted,
    layers: [...laidOut.layers, ...(crates?.layers ?? [])],
    ...(laidOut.apt === undefined ? {} : { apt: laidOut.apt }),
    offered: laidOut.offered,
    environment: buildEnvironment(recipe),
  };
  await writeFile(join(input, 'job.json'), JSON.stringify(job));
  await rm(join(options.folder, 'wheels'), { recursive: true, force: true });
  return {
    kind: 'sdist',
    input,
    source,
    sdist,
    buildRequirements: [...laidOut.buildRequirements, ...(crates?.buildRequirements ?? [])],
    notes: [...sdist.notes, ...resolved.notes, ...(crates?.notes ?? [])],
    otherTools: otherTools(resolved),
    downloadMs: clock.ms,
  };
}

function withoutBuildFiles(release: string): AttemptEnd {
  const sentence = `${release}: The sdist has neither pyproject.toml nor setup.py, so nothing says how it is built; its upstream has to add them.`;
  return new AttemptEnd({ kind: 'build-failed', class: 'missing-file', sentence });
}

function otherTools({ pinsIgnored, mayBeNewer }: ResolvedBuild): BuildTools[] {
  return [...(pinsIgnored ? (['pinned'] as const) : []), ...(mayBeNewer ? (['newest'] as const) : [])];
}
