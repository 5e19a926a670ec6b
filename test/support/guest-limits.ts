import type { GuestLimits } from '../../src/model/machine.ts';

/** Bounds of guests in tests: generous with time, since machines may be slow, small in memory. */
export const GUEST_LIMITS: GuestLimits = {
  wallMs: 180_000,
  idleMs: 60_000,
  memoryMiB: 768,
  cpus: 1,
  outputBytes: 10_000_000,
  logBytes: 1_000_000,
  outputFiles: 10,
  processes: 200,
};
