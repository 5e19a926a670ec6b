import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Claim, HOST_RESERVE_MIB, INPUT_MIB, MACHINE_MIB, missingMiB, planCapacity } from './capacity.ts';

const GIB = 1024;
const needs = (memoryMiB: number, cpus = 1) => ({ cpus, memoryMiB, machineMiB: MACHINE_MIB, tmpfsMiB: INPUT_MIB });
const mib = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const hosts = fc.record({
  cpus: fc.integer({ min: 1, max: 512 }),
  availableMiB: mib(2048 * GIB),
  tmpfsMiB: mib(1024 * GIB),
});
const guests = fc.record({
  cpus: fc.integer({ min: 1, max: 16 }),
  memoryMiB: fc.integer({ min: 64, max: 64 * GIB }),
  machineMiB: mib(GIB),
  tmpfsMiB: mib(8 * GIB),
});

describe('planCapacity', () => {
  test("the paper's host: 40 guests of 5 GiB on 48 processors and 256 GiB, without overcommit", () => {
    // 3 GiB of the 256 are the kernel's and the system's own; /dev/shm is half of the memory, as everywhere.
    const host = { cpus: 48, availableMiB: 253 * GIB, tmpfsMiB: 128 * GIB };
    const plan = planCapacity(host, needs(5 * GIB), 2 * 5 * GIB);
    expect(plan).toMatchObject({ guests: 44, boundBy: 'memory', advised: 40 });
    expect(plan.fits).toEqual({ memory: 44, processors: 48, 'memory folder': 1024 });
    expect(plan.sentence).toBe(
      '44 guests of 5120 MiB at once, bounded by memory (memory: 259072 MiB available - 1024 for the host - 10240 for templates = 247808, ' +
        'by 5120 + 384 (QEMU) + 128 (disks in memory) a guest: 44; processors: 48 by 1: 48; memory folder: 131072 MiB by 128: 1024)',
    );
  });

  test.each([
    [
      { cpus: 2, availableMiB: 21_000, tmpfsMiB: 20_000 },
      { guests: 2, boundBy: 'processors', advised: 1 },
    ],
    [
      { cpus: 8, availableMiB: 60_000, tmpfsMiB: 30_000 },
      { guests: 8, boundBy: 'processors', advised: 6 },
    ],
    [
      { cpus: 8, availableMiB: 9000, tmpfsMiB: 30_000 },
      { guests: 1, boundBy: 'memory', advised: 1 },
    ],
    [
      { cpus: 8, availableMiB: 60_000, tmpfsMiB: 300 },
      { guests: 2, boundBy: 'memory folder', advised: 2 },
    ],
    [
      { cpus: 8, availableMiB: 2000, tmpfsMiB: 1000 },
      { guests: 0, boundBy: 'memory', advised: 0 },
    ],
  ])('%j', (host, plan) => expect(planCapacity(host, needs(2 * GIB), 3 * GIB)).toMatchObject(plan));

  test('never plans more than fits, and one more would not fit', () =>
    fc.assert(
      fc.property(hosts, guests, mib(64 * GIB), (host, guest, templates) => {
        const { guests: count, advised } = planCapacity(host, guest, templates);
        const memory = (number: number) =>
          number * (guest.memoryMiB + guest.machineMiB + guest.tmpfsMiB) + HOST_RESERVE_MIB + templates;
        const fits = (number: number) =>
          memory(number) <= host.availableMiB &&
          number * guest.tmpfsMiB <= host.tmpfsMiB &&
          number * guest.cpus <= host.cpus;
        expect(count === 0 || fits(count)).toBe(true);
        expect(fits(count + 1)).toBe(false);
        expect(advised).toBeLessThanOrEqual(count);
        expect(advised > 0).toBe(count > 0);
      }),
    ));

  test('more of anything never means fewer guests', () =>
    fc.assert(
      fc.property(hosts, guests, mib(64 * GIB), hosts, (host, guest, templates, more) => {
        const larger = {
          cpus: host.cpus + more.cpus,
          availableMiB: host.availableMiB + more.availableMiB,
          tmpfsMiB: host.tmpfsMiB + more.tmpfsMiB,
        };
        const [before, after] = [planCapacity(host, guest, templates), planCapacity(larger, guest, templates)];
        expect(after.guests).toBeGreaterThanOrEqual(before.guests);
        expect(after.advised).toBeGreaterThanOrEqual(before.advised);
      }),
    ));
});

describe('missingMiB', () => {
  const clone = (memoryMiB: number, takenMiB = 0, growthMiB = 300): Claim => ({
    memoryMiB,
    takenMiB,
    template: { key: 'a', growthMiB },
  });

  test('what guests have taken is counted once, and what a template may grow by once for all its clones', () => {
    expect(missingMiB(5000, [], clone(2000))).toBe(HOST_RESERVE_MIB + 2000 + 300 - 5000);
    expect(missingMiB(5000, [clone(2000), clone(2000, 1500, 100)], clone(2000))).toBe(
      HOST_RESERVE_MIB + 2000 + 500 + 2000 + 300 - 5000,
    );
    const other = { ...clone(2000), template: { key: 'b', growthMiB: 50 } };
    expect(missingMiB(5000, [other], clone(2000))).toBe(HOST_RESERVE_MIB + 4000 + 350 - 5000);
    // One that took more than it claimed makes no room.
    expect(missingMiB(5000, [clone(2000, 3000)], clone(2000))).toBe(HOST_RESERVE_MIB + 2000 + 300 - 5000);
  });

  test('as many as are planned fit one after another, however much of it they have taken, and no more', () =>
    fc.assert(
      fc.property(
        hosts,
        guests,
        mib(64 * GIB),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (host, guest, growthMiB, part) => {
          const each = guest.memoryMiB + guest.machineMiB + guest.tmpfsMiB;
          const count = Math.min(planCapacity(host, guest, growthMiB).fits.memory, 100);
          const takenMiB = Math.floor(each * part);
          const living = Array.from({ length: count }, () => clone(each, takenMiB, growthMiB));
          const left = host.availableMiB - count * takenMiB;
          if (count > 0)
            expect(missingMiB(left + takenMiB, living.slice(1), clone(each, 0, growthMiB))).toBeLessThanOrEqual(0);
          if (count < 100) expect(missingMiB(left, living, clone(each, 0, growthMiB))).toBeGreaterThan(0);
        },
      ),
    ));
});
