import { join } from 'node:path';
import type { Admitted } from './admit/admission.ts';
import type { AssembledDeb } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import { check } from './check/check.ts';
import { RennetError } from './model/errors.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { MetRequirement, Resolution } from './model/recipe.ts';
import { ownClosure, ownPackages } from './own-packages.ts';
import type { FlowPorts } from './ports.ts';
import { parseRequirement } from './python/requirement.ts';
import { stageCheck } from './stage/stage.ts';

/** `requests[socks]`: the guest asks the installed project's own metadata what its extras need. */
function withExtras({ requirement, project }: MetRequirement): string {
  const { extras, project: named } = parseRequirement(requirement);
  // What an extra brought has the text of the requirement that named the extra.
  return extras.length === 0 || named !== project ? project : `${project}[${extras.join(',')}]`;
}

/** Installs and starts it in a second fresh guest that has only its declared dependencies. */
export async function checkDeb(
  deb: AssembledDeb,
  admitted: Admitted,
  resolution: Resolution,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<void> {
  const expected = {
    package: deb.package,
    distribution: admitted.metadata.name,
    version: admitted.metadata.version,
    modules: deb.modules,
    scripts: deb.scripts,
  };
  const own = ownClosure(deb.depends, await ownPackages(ports.store, ports.archive.facts), ports.store);
  const request = {
    ...expected,
    id: attempt.id,
    folder: join(attempt.folder, 'check'),
    debs: [deb.path],
    ownDebs: own.debs,
    relations: own.relations,
    requirements: resolution.met.flatMap((met) => (met.by === 'interpreter' ? [] : [withExtras(met)])),
  };
  const { driver, images, reset, limits, progress, state, apt, archive } = ports;
  const stagePorts = { apt, archive, images, progress, cacheFolder: state.cache };
  const checkPorts = {
    driver,
    reset,
    progress,
    image: images.runtime,
    limits: limits.check,
    // A package that gets another build number is checked again.
    folder: join(attempt.folder, deb.version),
    onReport: (report: GuestReport) => attempt.guestEnded('check', report),
  };
  await attempt.watch.time('check', async () => {
    const staged = await stageCheck(request, stagePorts, signal).catch((error: unknown) => {
      if (!(error instanceof RennetError) || error.code !== 'unmet-relations') throw error;
      throw new AttemptEnd({ kind: 'unsatisfiable', sentence: `${deb.package} cannot be installed: ${error.message}` });
    });
    const facts = await check(attempt.id, staged.input, expected, checkPorts, signal);
    attempt.found.evidence = {
      ...attempt.found.evidence,
      check: facts,
      dependencies: staged.closure.map(({ package: name, version }) => `${name} ${version}`),
      ownDependencies: own.debs.map(({ name }) => name),
    };
  });
}
