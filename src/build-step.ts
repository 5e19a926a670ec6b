import { join } from 'node:path';
import type { RunningAttempt } from './attempt.ts';
import { build } from './build/build.ts';
import { RennetError } from './model/errors.ts';
import type { BuiltSources, Evidence } from './model/evidence.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import { type BuildTools, type StagedJob, type StagedSdist, stage } from './stage/stage.ts';

/**
import { shownAddress } from './python/local-index.ts';
 * Inputs, then the build in fresh guests until the hooks ask for nothing new. A pure wheel needs no guest. The suite's build tools are tried
 * first, then, where the build fails so, the others that `stage` names; the first failure is the one that is told.
 */
export async function buildWheel(
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Evidence> {
  const inputs = await stageInputs(recipe, FIRST_TRY, attempt, ports, signal);
  if (inputs.kind === 'wheel') {
    const facts = { sharedLibraries: [], hookRequirements: [] };
    return { recipe, wheel: inputs.source.path, wheelName: inputs.source.filename, facts };
  }
  try {
    return await buildFrom(inputs, recipe, FIRST_TRY, attempt, ports, signal);
  } catch (error) {
    if (!(error instanceof AttemptEnd) || error.outcome.kind !== 'build-failed') throw error;
    for (const tools of inputs.otherTools) {
      if (tools === 'newest' && !mayBeTheTools(error)) continue;
      const built = await tryAgain({ ...FIRST_TRY, tools }, recipe, attempt, ports, signal);
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
    if (staged.kind === 'sdist') return await buildFrom(staged, recipe, options, attempt, ports, signal);
  } catch (error) {
    const kind = error instanceof AttemptEnd ? error.outcome.kind : undefined;
    if (kind !== 'build-failed' && kind !== 'unsatisfiable') throw error;
  }
  return undefined;
}

interface InputOptions {
  /** What the hooks asked for in earlier rounds. */
  readonly extraRequirements: readonly string[];
  readonly tools: BuildTools;
}

const FIRST_TRY: InputOptions = { extraRequirements: [], tools: 'suite' };

async function buildFrom(
  first: StagedJob,
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
        : await stageInputs(recipe, { ...options, extraRequirements }, attempt, ports, signal);
    if (staged.kind === 'wheel')
      throw new RennetError('defect', 'A release turned from sdist to wheel between two rounds.');
    return staged;
  };
  const { watch } = attempt;
  const { driver, images, reset, limits, progress } = ports;
  const buildPorts = {
    driver,
    reset,
    progress,
    image: images.build,
    limits: limits.build,
    folder: join(attempt.folder, `build-${options.tools}`),
    onReport: (report: GuestReport) => {
      attempt.guestEnded('build', report);
      watch.book('reset', report.timingsMs.reset);
      watch.book('build', report.timingsMs.run);
      watch.book('collect', report.timingsMs.collect + report.timingsMs.teardown);
    },
  };
  const evidence = await build(recipe, attempt.id, inputsFor, buildPorts, signal);
  return first.kind === 'sdist' ? { ...evidence, sources: sourcesOf(first) } : evidence;
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
  const options = { ...inputs, folder: join(attempt.folder, 'stage') };
  const staged = await watch.time('stage', () =>
    stage(recipe, options, { ...ports, cacheFolder: ports.state.cache }, signal),
  );
  watch.book('download', staged.downloadMs, 'stage');
  const { filename, sha256, bytes } = staged.source;
  found.provenance = {
    source: { filename, sha256, bytes, url: shownAddress(recipe.source), origin: ports.index.origin(recipe.project) },
    images: { build: ports.images.build.digest, runtime: ports.images.runtime.digest },
    buildRequirements: staged.kind === 'sdist' ? staged.buildRequirements : [],
    notes: staged.notes,
    limits: ports.limits,
  };
  return staged;
}
