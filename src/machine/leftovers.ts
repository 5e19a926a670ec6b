import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { removeCgroupLeftovers } from './cgroup-leftovers.ts';
import { claimPath, slotLocks, takeSlotLock } from './qemu/slot-lock.ts';

/**
 * Removes what guests of killed processes left on this host: their control groups and the folders of their slots. Guests themselves die
 * with their rennet. Safe beside running ones: a group is removed only when it is empty, a slot only under its lock.
 */
export async function removeGuestLeftovers(state: StateFolder): Promise<void> {
  await removeCgroupLeftovers();
  const slots = join(state.memory, 'slots');
  for (const number of await readdir(slots).catch(() => [])) {
    const unlock = await takeSlotLock(slotLocks(state), number);
    if (unlock === undefined) continue;
    await rm(join(slots, number), { recursive: true, force: true });
    await rm(claimPath(state, Number(number)), { force: true });
    await unlock();
  }
}
