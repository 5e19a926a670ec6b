import { join } from 'node:path';
import type { RunningAttempt } from './attempt.ts';
import { build } from './build/build.ts';
import { RennetError } from './model/errors.ts';
import type { Evidence } from './model/evidence.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import { type StagedJob, stage } from './stage/stage.ts';

/**
 * Inputs, then the build in fresh guests until the hooks ask for nothing new. A pure wheel needs no guest. Upper pins on build tools that the
 * suite exceeds are left aside first; where the build fails so, it is tried once more with tools that honour them.
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
    if (!(error instanceof AttemptEnd) || error.outcome.kind !== 'build-failed' || !inputs.pinsIgnored) throw error;
    const again = { ...FIRST_TRY, honourUpperPins: true };
    const pinned = await stageInputs(recipe, again, attempt, ports, signal);
    return buildFrom(pinned, recipe, again, attempt, ports, signal);
  }
}

interface InputOptions {
  /** What the hooks asked for in earlier rounds. */
  readonly extraRequirements: readonly string[];
  readonly honourUpperPins: boolean;
}

const FIRST_TRY: InputOptions = { extraRequirements: [], honourUpperPins: false };

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
    folder: join(attempt.folder, options.honourUpperPins ? 'build-pinned' : 'build'),
    onReport: (report: GuestReport) => {
      attempt.guestEnded('build', report);
      watch.book('reset', report.timingsMs.reset);
      watch.book('build', report.timingsMs.run);
      watch.book('collect', report.timingsMs.collect + report.timingsMs.teardown);
    },
  };
  return build(recipe, attempt.id, inputsFor, buildPorts, signal);
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
    source: { filename, sha256, bytes, url: recipe.source.url },
    images: { build: ports.images.build.digest, runtime: ports.images.runtime.digest },
    buildRequirements: staged.kind === 'sdist' ? staged.buildRequirements : [],
    notes: staged.notes,
    limits: ports.limits,
  };
  return staged;
}
