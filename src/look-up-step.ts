import { BuildFailure } from './build/failure.ts';
import { type LookUp, lookUp } from './build/look-up.ts';
import { describeMissing, type Missing } from './model/missing.ts';
import type { HintedPackage } from './model/hint.ts';
import type { Recipe } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import type { StagedSdist } from './stage/stage.ts';

/** A compiler and a linker name all that they miss; what else says so may mean something that is done without. */
const ALL_AT_ONCE = ['header', 'library'];

export interface WhatMayHelp {
  /** Official packages that the build lacks and that have what it missed; empty where another guest would change nothing. */
  readonly packages: readonly HintedPackage[];
  /** What became of the first thing that was missing. */
  readonly sentence: string;
}

/** Looks in the suite for what a failed build missed: what is surest first, and one doubtful thing at a time. */
export async function whatMayHelp(
  failure: BuildFailure,
  staged: StagedSdist,
  ports: Pick<FlowPorts, 'archive' | 'apt' | 'images'>,
  signal: AbortSignal,
): Promise<WhatMayHelp> {
  const { archive, apt, images } = ports;
  const { build } = images;
  const lookUpPorts = {
    archive,
    closure: (relations: readonly string[]) => apt.closure(relations, build.dpkgStatus, signal),
    present: new Set([
      ...build.packages.map((one) => one.package),
      ...staged.buildRequirements.filter(({ by }) => by === 'official').map(({ name }) => name),
    ]),
  };
  const sure = (missing: Missing) => missing.kind === failure.missing[0]?.kind && ALL_AT_ONCE.includes(missing.kind);
  const found: LookUp[] = [];
  for (const missing of failure.missing) {
    const packages = found.flatMap(hintedBy);
    if (packages.length > 0 && !sure(missing)) break;
    found.push(await lookUp(missing, lookUpPorts, signal));
  }
  return { packages: once(found.flatMap(hintedBy)), sentence: found[0]?.sentence ?? '' };
}

function hintedBy({ package: name, missing }: LookUp): HintedPackage[] {
  return name === undefined ? [] : [{ package: name, origin: 'learned', reason: describeMissing(missing) }];
}

function once(packages: readonly HintedPackage[]): HintedPackage[] {
  return packages.filter((one, index) => packages.findIndex((other) => other.package === one.package) === index);
}

/** The failure with what was found out about it. */
export function explained(failure: BuildFailure, sentence: string): BuildFailure {
  const outcome = { ...failure.outcome, sentence: `${failure.outcome.sentence} ${sentence}`.trim() };
  return new BuildFailure(outcome, failure.missing);
}

/** Remembers for the project in the suite what a build succeeded with, so that the next one has it from the start. */
export async function remember(
  found: readonly HintedPackage[],
  { project, version, target }: Recipe,
  { store }: Pick<FlowPorts, 'store'>,
): Promise<void> {
  if (found.length === 0) return;
  await store.addHints(
    found.map(({ package: value, reason }) => ({
      project,
      suite: target.suite,
      kind: 'build-package',
      value,
      origin: 'learned',
      version,
      reason,
    })),
  );
}
