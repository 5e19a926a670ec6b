import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningAttempt } from './attempt.ts';
import { recordAttempt } from './attempt.ts';
import { buildWheel } from './build-step.ts';
import { type LocalSource, localRelease } from './local-source.ts';
import { RennetError } from './model/errors.ts';
import { type GuestReport } from './model/machine.ts';
import { AttemptEnd } from './model/outcome.ts';
import { isProjectName, normaliseProject } from './model/project-name.ts';
import type { Recipe } from './model/recipe.ts';
import { plainText, quoted } from './model/text.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { withLocal } from './python/local-index.ts';
import { canonicalVersion } from './python/version.ts';
import { startStopwatch } from './stopwatch.ts';

/** What the source is called as long as nobody knows its name; no guest sees a version. */
const NAMELESS = 'source';

/**
 * Name and version of a local source that only its own code tells: its wheel is built in a fresh guest, and the wheel's file name is read. The package is
 * then built like any other, with the version told to tools that would ask git. A failure is recorded as an attempt, with its log, and thrown as
 * RennetError.
 */
export async function identifyInGuest(
  source: LocalSource,
  planPorts: PlanPorts,
  openGuests: (ports: PlanPorts) => Promise<Omit<FlowPorts, 'buildMissing'>>,
  signal: AbortSignal,
): Promise<{ project: string; version: string }> {
  const { name = NAMELESS } = source.told;
  const project = normaliseProject(name);
  const startedAt = performance.now();
  const release = localRelease(source, project, '');
  const ports = { ...planPorts, index: withLocal(planPorts.index, [release]) };
  const folder = await mkdtemp(join(ports.state.attempts, '.identify-'));
  const reports: GuestReport[] = [];
  const watch = startStopwatch(startedAt);
  const running: RunningAttempt = {
    id: `identify-${process.pid}`,
    folder,
    watch,
    ledger: [],
    found: {},
    guestEnded: (_title, report) => reports.push(report),
  };
  const target = ports.archive.facts;
  const recipe: Recipe = {
    project,
    version: '',
    target,
    source: release.file,
    package: '',
    upstreamVersion: '',
    wheels: [],
    forceOfficial: false,
  };
  try {
    const guests = await openGuests(ports);
    const buildMissing = () => Promise.reject(new Error('nothing is resolved here'));
    // What a nameless build needs is found again under its name, and remembered there.
    const store = { ...ports.store, addHints: () => Promise.resolve([]) };
    const { wheelName } = await buildWheel(recipe, running, { ...guests, store, buildMissing }, signal);
    return readIdentity(wheelName, source);
  } catch (error) {
    if (!(error instanceof AttemptEnd)) throw error;
    // Its name is all that the record needs; the log is what helps.
    const of = { project, version: '', target, startedAt, planMs: 0 };
    const attempt = await recordAttempt(
      of,
      { ...ports, ...(await openGuests(ports)) },
      (attemptOf) => {
        for (const report of reports) attemptOf.guestEnded('build', report);
        return Promise.reject(error);
      },
      signal,
    );
    throw new RennetError(
      'bad-metadata',
      `${source.typed} does not tell its version, and building it to find out ended as ${attempt.outcome ?? ''}: ${attempt.sentence}`,
      `rennet log ${attempt.id}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** PEP 427: the first two fields. They come from a guest: a name that the source tells itself holds, so that it takes no other project's place. */
export function readIdentity(
  wheelName: string,
  source: Pick<LocalSource, 'typed' | 'told'>,
): { project: string; version: string } {
  const [name = '', written = ''] = wheelName.split('-');
  const version = canonicalVersion(written);
  if (isProjectName(name) && version !== undefined) {
    const project = normaliseProject(name);
    const { name: told = name } = source.told;
    if (normaliseProject(told) === project) return { project, version };
    throw new RennetError(
      'bad-metadata',
      `${source.typed} calls itself ${plainText(told)}, but its build made the wheel ${quoted(wheelName)} of another project.`,
      'Give the source the name of what it builds.',
    );
  }
  throw new RennetError(
    'bad-metadata',
    `${source.typed} built the wheel ${quoted(wheelName)}, whose name tells nothing.`,
  );
}
