import { type Capacity, INPUT_MIB, MACHINE_MIB, planCapacity } from '../machine/capacity.ts';
import { readHostFacts } from '../machine/qemu/room.ts';
import { BUILD_LIMITS, CHECK_LIMITS } from '../limits.ts';
import { RennetError } from '../model/errors.ts';
import type { DriverName } from '../model/machine.ts';
import type { StateFolder } from '../model/state.ts';

/** How many guests of builds this host runs at once beside those that run now. */
export async function capacityForBuilds(driver: DriverName, state: StateFolder): Promise<Capacity> {
  const { memoryMiB, cpus } = BUILD_LIMITS;
  const isMachine = driver === 'qemu';
  const needs = { cpus, memoryMiB, machineMiB: isMachine ? MACHINE_MIB : 0, tmpfsMiB: isMachine ? INPUT_MIB : 0 };
  // Both templates, of builds and of checks, filled up to the full size of their guests.
  const templatesMiB = isMachine ? memoryMiB + CHECK_LIMITS.memoryMiB : 0;
  return planCapacity(await readHostFacts(state), needs, templatesMiB);
}

/**
 * How many builds to run at once: what was asked for, else what the host's processors advise. RennetError `bad-usage` where more were asked for
 * than fit, with the sum. One is never refused here: where even that does not fit, the guest says so.
 */
export async function chooseJobs(
  { jobs, overcommit, driver }: { jobs?: number; overcommit: boolean; driver: DriverName },
  state: StateFolder,
): Promise<number> {
  if (jobs === 1 || (jobs !== undefined && overcommit)) return jobs;
  const capacity = await capacityForBuilds(driver, state);
  if (jobs === undefined) return Math.max(1, capacity.advised);
  if (jobs <= capacity.guests) return jobs;
  throw new RennetError(
    'bad-usage',
    `--jobs ${jobs} is more than this host runs at once: ${capacity.sentence}.`,
    `Use --jobs ${Math.max(1, capacity.guests)}, or say --overcommit: guests then share what is there, and some may end for want of it.`,
  );
}
