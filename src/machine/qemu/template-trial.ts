import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import { type Freshness, createFreshness, runProtocol } from '../protocol.ts';
import { TRIAL_LIMITS, type TrialIdentity, readTrial, writeTrialInput } from '../trial-job.ts';
import { writeInputDisk } from './input-disk.ts';
import { startClone } from './migration.ts';
import { withMachine } from './template-boot.ts';
import type { OpenTemplate, TemplateRequest } from './template-record.ts';

const READY_MS = 30_000;
/** A clone sets its clock before it says that it is ready; then it builds. One that did not is behind by the age of its template. */
const MAX_CLOCK_ERROR_SECONDS = 2;

/**
 * Tries a template before any job sees it: two clones at once, each with a whole small build. They must differ in what they draw at
 * random and in their machine ids, have the host's clock, and see no file of one another. RennetError `template-failed`, `cancelled`.
 */
export async function tryTemplate(
  template: OpenTemplate,
  request: TemplateRequest,
  state: StateFolder,
  signal: AbortSignal,
): Promise<void> {
  const freshness = createFreshness();
  const trials = [1, 2].map(() => tryClone(template, request, state, freshness, signal));
  await Promise.allSettled(trials); // both are destroyed before the first failure is told
  const [one, two] = await Promise.all(trials);
  const shared = (['random', 'machineId'] as const).filter((it) => one?.[it] === two?.[it]);
  if (shared.length === 0) return;
  throw new RennetError('template-failed', `Two clones of the new template have the same ${shared.join(' and ')}.`);
}

/**
 * Starts one clone and lets it do a whole job by the real protocol: the smallest possible build. RennetError `template-failed` when
 * anything but its wheel comes of it, random bytes that `freshness` has seen from a clone before, or a wrong clock; `cancelled`.
 */
export async function tryClone(
  template: OpenTemplate,
  request: TemplateRequest,
  state: StateFolder,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<TrialIdentity> {
  const { image, shape } = request;
  const limits = { ...TRIAL_LIMITS, memoryMiB: shape.memoryMiB, cpus: shape.cpus };
  return withMachine(
    request,
    state,
    template.open(),
    'clone',
    writeTrial,
    async (machine, _place, folder) => {
      if (machine.qmp === undefined) throw new RennetError('defect', 'A clone was started without a monitor.');
      const spool = join(folder, 'spool');
      await mkdir(spool);
      const begun = Date.now() / 1000;
      startClone(machine.qmp).catch(() => machine.destroy());
      const report = await runProtocol(
        machine.streams,
        { id: 'trial', image, reset: 'memory', input: folder, spool, limits },
        { readyMs: READY_MS, freshness, destroy: machine.destroy },
        signal,
      );
      if (signal.aborted) throw new RennetError('cancelled', 'Trying the template was stopped.');
      const identity = await readTrial(report);
      const said = [report.sentence, JSON.stringify(report.result?.facts ?? {}), machine.complaints()].join(' ');
      if (identity === undefined)
        throw new RennetError('template-failed', `A clone of the new template failed its trial. ${said.slice(0, 400)}`);
      const { clock } = identity;
      if (clock < begun - MAX_CLOCK_ERROR_SECONDS || clock > Date.now() / 1000 + MAX_CLOCK_ERROR_SECONDS)
        throw new RennetError(
          'template-failed',
          'The clock of a clone of the new template is not the clock of the host.',
        );
      return identity;
    },
    signal,
  );
}

/** The input disk of the trial, in the slot's folder. */
async function writeTrial(folder: string, signal: AbortSignal): Promise<string> {
  const input = join(folder, 'trial');
  await writeTrialInput(input);
  return writeInputDisk(input, folder, signal);
}
