import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import { claimPath, slotLocks, takeSlotLock } from './slot-lock.ts';

/** Above all ranges that Debian, systemd and containers hand out (systemd, "Users, Groups, UIDs and GIDs"). */
const FIRST_UID = 1_990_000_000;
const SLOTS = 512;

/** A place for one guest: a user of its own and a folder in memory. */
export interface Slot {
  readonly number: number;
  /** undefined where we are not root and cannot have another user. */
  readonly uid: number | undefined;
  readonly folder: string;
  release(): Promise<void>;
}

/**
 * Reserves the first free slot: for root one of this host, as user ids are. Freed when this process ends, however it ends. What a
 * killed predecessor left there is removed. RennetError `no-memory`, `state-unwritable`.
 */
export async function reserveSlot(state: StateFolder): Promise<Slot> {
  for (let number = 0; number < SLOTS; number++) {
    const unlock = await takeSlotLock(slotLocks(state), String(number));
    if (unlock === undefined) continue;
    const folder = join(state.memory, 'slots', String(number));
    const clear = async (): Promise<void> => {
      await rm(folder, { recursive: true, force: true });
      await rm(claimPath(state, number), { force: true });
    };
    const release = async (): Promise<void> => {
      await clear();
      await unlock();
    };
    try {
      await clear();
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      await release().catch(() => {});
      throw error;
    }
    return { number, uid: process.getuid?.() === 0 ? FIRST_UID + number : undefined, folder, release };
  }
  throw new RennetError('no-memory', `All ${SLOTS} places for guests are taken.`, 'Run fewer guests at once.');
}
