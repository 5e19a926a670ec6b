import { type Capacity, IMAGE_DISK_MIB, INPUT_MIB, MACHINE_MIB, planCapacity } from '../machine/capacity.ts';
import { ownDiskMiB, readHostFacts } from '../machine/qemu/room.ts';
import { BUILD_LIMITS, CHECK_LIMITS } from '../limits.ts';
import { RennetError } from '../model/errors.ts';
import type { DriverName, ResetStrategy } from '../model/machine.ts';
import type { StateFolder } from '../model/state.ts';

/** How guests of builds are started, as far as it decides what they take. */
export interface GuestsAsked {
  readonly driver: DriverName;
  readonly reset: ResetStrategy;
  readonly tests: boolean;
}

/** How many guests of builds this host runs at once beside those that run now. */
export async function capacityForBuilds({ driver, reset, tests }: GuestsAsked, state: StateFolder): Promise<Capacity> {
  const { memoryMiB, cpus } = BUILD_LIMITS;
  const facts = await readHostFacts(state);
  if (driver !== 'qemu') return planCapacity(facts, { cpus, memoryMiB, machineMiB: 0, tmpfsMiB: 0 }, 0);
  const needs = { cpus, memoryMiB, machineMiB: MACHINE_MIB, tmpfsMiB: INPUT_MIB + ownDiskMiB(reset, IMAGE_DISK_MIB) };
  // The templates of builds, of checks and of upstream's tests, filled up to the full size of their guests.
  const templates = [memoryMiB, CHECK_LIMITS.memoryMiB, ...(tests ? [memoryMiB] : [])];
  return planCapacity(facts, needs, reset === 'memory' ? templates.reduce((sum, mib) => sum + mib) : 0);
}

/**
 * How many builds to run at once: what was asked for, else what the host's processors advise. RennetError `bad-usage` where more were asked for
 * than fit, with the sum. One is never refused here: where even that does not fit, the guest says so.
 */
export async function chooseJobs(
  { jobs, overcommit, ...asked }: GuestsAsked & { readonly jobs?: number; readonly overcommit: boolean },
  state: StateFolder,
): Promise<number> {
  if (jobs === 1 || (jobs !== undefined && overcommit)) return jobs;
  const capacity = await capacityForBuilds(asked, state);
  if (jobs === undefined) return Math.max(1, capacity.advised);
  if (jobs <= capacity.guests) return jobs;
  throw new RennetError(
    'bad-usage',
    `--jobs ${jobs} is more than this host runs at once: ${capacity.sentence}.`,
    `Use --jobs ${Math.max(1, capacity.guests)}, or say --overcommit: guests then share what is there, and some may end for want of it.`,
  );
}
