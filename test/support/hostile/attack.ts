import type { FakeGuest } from '../../../src/machine/fake/fake-driver.ts';
import type { GuestJob, GuestLimits, GuestReport } from '../../../src/model/machine.ts';

/** How a guest may end: `end` of its report, with the kind of a limit. */
export type Verdict = Exclude<GuestReport['end'], 'limit'> | `limit ${NonNullable<GuestReport['limit']>}`;

/** What a hostile guest does, as a function of `attacks/MODULE.py`. */
export interface GuestCode {
  readonly module: 'machine' | 'protocol' | 'resources' | 'ring0' | 'service' | 'world';
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** One attack, and the ends that are safe. Each form of it runs on the driver that has such guests; at least one is there. */
export interface Attack {
  /** What the attacker does. */
  readonly does: string;
  readonly safe: readonly Verdict[];
  /** By root of a virtual machine from its first instruction on. */
  readonly guest?: GuestCode;
  /** By a script in the place of a guest: protocol, limits and spools are the real ones. */
  readonly fake?: FakeGuest;
  /** By package code of a build (a back end's source): the namespace driver has no hostile root. */
  readonly package?: string;
  readonly limits?: Partial<GuestLimits>;
  /** Where the attack denies its template's clones: the guest boots. */
  readonly reset?: 'overlay';
  readonly channel?: GuestJob['channel'];
  /** Too slow for CI: only in the long run. */
  readonly long?: true;
  /** Bytes that the guest hands over as its output (`protocol.hand_over`). */
  readonly archive?: () => Promise<Buffer>;
  /** What else must be true of a report; it has one of the safe ends. */
  readonly judge?: (report: GuestReport) => void | Promise<void>;
  /** What is done to the host's side when the guest is ready; `pids`: the processes of its machine. */
  readonly whenReady?: (pids: readonly number[]) => void | Promise<void>;
}

export const verdictOf = ({ end, limit }: GuestReport): Verdict => (end === 'limit' ? `limit ${limit ?? 'time'}` : end);

/** A fake guest that was told to run. */
export function running(life: FakeGuest): FakeGuest {
  return async (guest) => {
    await guest.hello();
    await guest.ready();
    await guest.log('started\n');
    await life(guest);
  };
}
