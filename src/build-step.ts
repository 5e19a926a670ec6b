import { join } from 'node:path';
import type { RunningAttempt } from './attempt.ts';
import { build } from './build/build.ts';
import { BuildFailure } from './build/failure.ts';
import { explained, remember, whatMayHelp } from './look-up-step.ts';
import { RennetError } from './model/errors.ts';
import type { BuiltSources, Evidence } from './model/evidence.ts';
import { type HintedPackage, NO_HINT } from './model/hint.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import { shownAddress } from './python/local-index.ts';
import { type BuildTools, type StagedJob, type StagedSdist, stage } from './stage/stage.ts';

/**
 * Inputs, then the build in fresh guests until the hooks ask for nothing new. A pure wheel needs no guest. The suite's build tools are tried
 * first, then, where the build fails so, the others that `stage` names; the first failure is the one that is told.
 */
export async function buildWheel(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const { buildPackages, buildRequirements } = recipe.hint ?? NO_HINT;
  const firstTry: InputOptions = { tools: 'suite', extraRequirements: buildRequirements, hinted: buildPackages };
  const inputs = await stageInputs(recipe, firstTry, attempt, ports, signal);
  if (inputs.kind === 'wheel') {
    const facts = { sharedLibraries: [], hookRequirements: [] };
    return { recipe, wheel: inputs.source.path, wheelName: inputs.source.filename, facts };
  }
  try {
    return await buildFilling(inputs, recipe, firstTry, attempt, ports, signal);
  } catch (error) {
    if (!(error instanceof AttemptEnd) || error.outcome.kind !== 'build-failed') throw error;
    const { requires } = inputs.sdist;
    if (error.outcome.class === 'missing-module' && requires.length > 0) {
      // Many a setup.py imports what it builds, to learn its version: it needs then what that needs to run.
      const extraRequirements = [...buildRequirements, ...requires];
      const built = await tryAgain({ ...firstTry, extraRequirements }, recipe, attempt, ports, signal);
      if (built !== undefined) return built;
    }
    for (const tools of inputs.otherTools) {
      if (tools === 'newest' && !mayBeTheTools(error)) continue;
      const built = await tryAgain({ ...firstTry, tools }, recipe, attempt, ports, signal);
      if (built !== undefined) return built;
    }
    throw error;
  }
}

/** What newer tools cannot mend: the system lacks something, or the compiler refuses the source. */
function mayBeTheTools({ outcome }: AttemptEnd): boolean {
  const { class: failure = 'unknown' } = outcome;
  return !['needs-network', 'compiler-error', 'killed'].includes(failure) && !/^missing-(?!module)/.test(failure);
}

async function tryAgain(
  options: InputOptions,
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence | undefined> {
  try {
    const staged = await stageInputs(recipe, options, attempt, ports, signal);
    if (staged.kind === 'sdist') return await buildFilling(staged, recipe, options, attempt, ports, signal);
  } catch (error) {
    const kind = error instanceof AttemptEnd ? error.outcome.kind : undefined;
    if (kind !== 'build-failed' && kind !== 'unsatisfiable') throw error;
  }
  return undefined;
}

interface InputOptions {
  /** What the operator's hints add, and what the hooks asked for in earlier rounds. */
  readonly extraRequirements: readonly string[];
  /** Official packages that the release does not declare. */
  readonly hinted: readonly HintedPackage[];
  readonly tools: BuildTools;
}

/** Each further one has a package more that has what the one before missed. */
const MAX_TRIES = 4;

/**
 * Builds; where the log names a missing header, pkg-config module, library, program or module that an official package has, once
 * more in a fresh guest with that package. What it succeeded with at last is remembered.
 */
async function buildFilling(
  first: StagedSdist,
  recipe: Recipe,
  firstOptions: InputOptions,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const found: HintedPackage[] = [];
  let failure: BuildFailure | undefined;
  for (let count = 1; ; count += 1) {
    const options = { ...firstOptions, hinted: [...firstOptions.hinted, ...found] };
    const staged =
      failure === undefined ? first : await stageInputs(recipe, options, attempt, ports, signal).catch(refused);
    if (staged.kind === 'wheel')
      throw new RennetError('defect', 'A release turned from sdist to wheel between two tries.');
    try {
      const evidence = await buildFrom(staged, recipe, options, attempt, ports, signal);
      await remember(found, recipe, ports);
      return {
        ...evidence,
        recipe: { ...recipe, hint: { ...(recipe.hint ?? NO_HINT), buildPackages: options.hinted } },
      };
    } catch (error) {
      if (!(error instanceof BuildFailure) || error.missing.length === 0) throw error;
      const { packages, sentence } = await whatMayHelp(error, staged, ports, signal);
      failure = explained(error, sentence);
      if (packages.length === 0 || count === MAX_TRIES) throw failure;
      found.push(...packages);
      ports.progress({ doing: `trying again with ${packages.map((one) => one.package).join(', ')}` });
    }
  }

  /** What was found cannot stand beside what the release declares. */
  function refused(error: unknown): never {
    throw error instanceof AttemptEnd && failure !== undefined ? failure : error;
  }
}

async function buildFrom(
  first: StagedSdist,
  recipe: Recipe,
  options: InputOptions,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const inputsFor = async (extraRequirements: readonly string[]) => {
    const staged =
      extraRequirements.length === 0
        ? first
        : await stageInputs(recipe, withRequirements(options, extraRequirements), attempt, ports, signal);
    if (staged.kind === 'wheel')
      throw new RennetError('defect', 'A release turned from sdist to wheel between two rounds.');
    return staged;
  };
  const { watch } = attempt;
  const { driver, images, reset, channel, mirror, limits, progress } = ports;
  const buildPorts = {
    driver,
    reset,
    channel,
    mirror,
    progress,
    image: images.build,
    limits: limits.build,
    folder: join(attempt.folder, `build-${options.tools}-${options.hinted.length}-${options.extraRequirements.length}`),
    onReport: (report: GuestReport) => {
      attempt.guestEnded('build', report);
      watch.book('reset', report.timingsMs.reset);
      watch.book('build', report.timingsMs.run);
      watch.book('collect', report.timingsMs.collect + report.timingsMs.teardown);
    },
  };
  const evidence = await build(recipe, attempt.id, inputsFor, buildPorts, signal);
  return { ...evidence, sources: sourcesOf(first) };
}

function withRequirements(options: InputOptions, more: readonly string[]): InputOptions {
  return { ...options, extraRequirements: [...options.extraRequirements, ...more] };
}

function sourcesOf({ sdist }: StagedSdist): BuiltSources {
  const { top, names, extensionSources, declaresExtension } = sdist;
  return { top, files: names.map((name) => name.slice(top.length + 1)), extensionSources, declaresExtension };
}

async function stageInputs(
  recipe: Recipe,
  inputs: InputOptions,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<StagedJob> {
  const { watch, found } = attempt;
  const { hinted } = inputs;
  const { prerequisites } = ports;
  const packages = hinted.map((one) => one.package);
  const options = { ...inputs, packages, prerequisites, folder: join(attempt.folder, 'stage') };
  const staged = await watch.time('stage', () =>
    stage(recipe, options, { ...ports, cacheFolder: ports.state.cache }, signal),
  );
  watch.book('download', staged.downloadMs, 'stage');
  const { filename, sha256, bytes } = staged.source;
  found.provenance = {
    source: { filename, sha256, bytes, url: shownAddress(recipe.source), origin: ports.index.origin(recipe.project) },
    images: { build: ports.images.build.digest, runtime: ports.images.runtime.digest },
    buildRequirements: staged.kind === 'sdist' ? staged.buildRequirements : [],
    ...(hinted.length > 0 && staged.kind === 'sdist' ? { hints: hinted } : {}),
    notes: staged.notes,
    limits: ports.limits,
    channel: ports.channel,
    prerequisites: ports.prerequisites,
  };
  return staged;
}
