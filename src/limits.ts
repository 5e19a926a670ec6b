import type { GuestLimits } from './model/machine.ts';

const MIB = 1024 * 1024;

/** Bounds of a build guest: generous for honest builds, small against a host. */
export const BUILD_LIMITS: GuestLimits = {
  wallMs: 30 * 60_000,
  idleMs: 10 * 60_000,
  memoryMiB: 2048,
  cpus: 1,
  outputBytes: 1024 * MIB,
  logBytes: 32 * MIB,
  outputFiles: 1,
  processes: 512,
};

/** Upstream's tests may write and hang as they like; they decide nothing, so that they get less than a build. */
export const TESTS_LIMITS: GuestLimits = {
  ...BUILD_LIMITS,
  wallMs: 20 * 60_000,
  idleMs: 20 * 60_000,
  outputBytes: MIB,
  logBytes: 8 * MIB,
};

/** Within the guest's own time, so that tests that hang are counted as far as they came. */
export const TESTS_SECONDS = 15 * 60;

/** A check installs, imports and starts; it writes nothing out. */
export const CHECK_LIMITS: GuestLimits = { ...BUILD_LIMITS, wallMs: 10 * 60_000, memoryMiB: 1024, outputBytes: MIB };
