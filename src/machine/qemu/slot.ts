import { mkdir, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:net';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';

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
 * Reserves the first free slot of this host. The lock is a socket with an abstract name (unix(7)): exclusive on the whole host, as the
 * user ids are, and gone with the process however it ends. What a killed predecessor left in the folder is removed.
 */
export async function reserveSlot(state: StateFolder): Promise<Slot> {
  for (let number = 0; number < SLOTS; number++) {
    const lock = await lockSlot(number);
    if (lock === undefined) continue;
    const folder = join(state.memory, 'slots', String(number));
    const release = async (): Promise<void> => {
      await rm(folder, { recursive: true, force: true });
      await new Promise((resolve) => lock.close(resolve));
    };
    try {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      await release().catch(() => {});
      throw error;
    }
    return { number, uid: process.getuid?.() === 0 ? FIRST_UID + number : undefined, folder, release };
  }
  throw new RennetError('no-memory', `All ${SLOTS} places for guests are taken.`, 'Run fewer guests at once.');
}

/** Holds a slot until the server is closed; undefined while somebody else does. */
export function lockSlot(number: number | string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(`\0rennet-slot-${number}`, () => resolve(server));
  });
}
