import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sha256OfFile } from '../src/host/files.ts';
import { killAll } from '../src/host/process-family.ts';
import { createDriver } from '../src/machine/create.ts';
import {
  DISK_ROOM_MIB,
  type Image,
  type MachineDriver,
  RESET_STRATEGIES,
  type ResetStrategy,
} from '../src/model/machine.ts';
import { GUEST_LIMITS as limits } from './support/guest-limits.ts';
import { machineState as state, testImages } from './support/images.ts';
import { backend, SCENARIOS } from './support/machine-scenarios.ts';
import { writeBuildInput } from './support/sdist.ts';
import { descendants, leftovers } from './support/traces.ts';

const signal = new AbortController().signal;
const WRITES = backend(`
with open('/build/large', 'wb') as file:
    for number in range(100):
        file.write(os.urandom(1_000_000))
    file.flush()
    os.fsync(file.fileno())
return wheel(wheel_directory)`);
/** Holds 450 of 768 MiB and goes on writing to all of it, while it reads what passes through the page cache. */
const HOLDS = backend(`
held = [bytearray(os.urandom(4096) * 256) for _ in range(450)]
for _ in range(4):
    for block in held:
        for at in range(0, len(block), 4096):
            block[at] ^= 1
    for folder, _, names in os.walk(os.path.dirname(os.__file__)):
        for name in names:
            open(os.path.join(folder, name), 'rb').read()
return wheel(wheel_directory)`);
/** Writes until nothing more fits; a disk that is full is an error of the build. */
const FILLS = backend(`
written = 0
try:
    with open('/build/large', 'wb', buffering=0) as file:
        while True:
            written += file.write(b'\\1' * 8_000_000)
finally:
    print('written', written // 1_000_000, flush=True)`);

let folder = '';
let image: Image;
let driver: MachineDriver;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-contract-'));
  image = (await testImages(['disk'])).build;
  driver = createDriver('qemu', { state, accelerator: 'tcg' });
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  expect(await descendants()).toEqual(new Set());
  expect(await readdir(join(state.memory, 'slots')).catch(() => [])).toEqual([]);
  expect(await leftovers()).toEqual({ mounts: [], cgroups: [] });
});

async function run(code: string, reset: ResetStrategy, by: MachineDriver = driver) {
  const place = await mkdtemp(join(folder, 'guest-'));
  await mkdir(join(place, 'spool'));
  await writeBuildInput(join(place, 'input'), { backend: code });
  // To fill a disk takes 40 s and more, in silence.
  const bounds = { ...limits, wallMs: 500_000, idleMs: 500_000 };
  const job = { id: 'test', image, reset, input: join(place, 'input'), spool: join(place, 'spool'), limits: bounds };
  const report = await by.run(job, signal);
  return { report, log: await readFile(report.log, 'utf8') };
}

describe.each(RESET_STRATEGIES)('reset by %s', (reset) => {
  test('a build writes what it likes, the base stays as it is, and the next guest finds nothing of it', async () => {
    const before = await sha256OfFile(image.disk);
    const { report, log } = await run(WRITES, reset);
    expect(report, log).toMatchObject({ end: 'result', reset, result: { status: 'ok' } });
    expect(report.timingsMs.reset).toBeGreaterThan(0);
    for (let guest = 1; guest <= 2; guest += 1)
      expect((await run(SCENARIOS.leavesCanaries.backend, reset)).report.result).toMatchObject({ status: 'ok' });
    expect(await sha256OfFile(image.disk)).toBe(before);
  });
});

describe.each(['delta', 'copy'] as const)("a guest's own disk: %s", (reset) => {
  test('takes what a build writes to its root, and no more than its room', async () => {
    const { report, log } = await run(FILLS, reset);
    expect(report, log).toMatchObject({ end: 'result', reset, result: { status: 'failed' } });
    expect(log).toMatch(/No space left on device|Input\/output error/);
    // More than all of its memory, so it went to the disk.
    const written = Number(/^written (\d+)$/m.exec(log)?.[1]);
    expect(written).toBeGreaterThan(limits.memoryMiB);
    expect(written).toBeLessThan(DISK_ROOM_MIB * 1.1);
  });
});

// The kernel ends early what it has no memory for (guest/init), and only that.
test('a build gets most of the memory of its guest, and keeps it', async () => {
  const { report, log } = await run(HOLDS, 'memory');
  expect(report, log).toMatchObject({ end: 'result', reset: 'memory', result: { status: 'ok' } });
});

describe('guests that wait', () => {
  test('a job takes one, another gets ready, and a closed driver leaves none', async () => {
    const warm = createDriver('qemu', { state, accelerator: 'tcg', warm: 1, overcommit: true });
    try {
      await warm.prepare({ image, reset: 'memory', limits }, signal);
      const waiting = await descendants();
      expect(waiting.size).toBeGreaterThan(0);
      const { report, log } = await run(SCENARIOS.succeeds.backend, 'memory', warm);
      expect(report, log).toMatchObject({ end: 'result', reset: 'memory', result: { status: 'ok' } });
      await warm.prepare({ image, reset: 'memory', limits }, signal);
      const next = await descendants();
      expect(next.size).toBeGreaterThan(0);
      expect([...next].filter((pid) => waiting.has(pid))).toEqual([]);
    } finally {
      await warm.close();
    }
  });

  test('one that was killed while it waited costs a clone, never a job', async () => {
    const warm = createDriver('qemu', { state, accelerator: 'tcg', warm: 1, overcommit: true });
    try {
      await warm.prepare({ image, reset: 'memory', limits }, signal);
      killAll([...(await descendants())]);
      const { report, log } = await run(SCENARIOS.succeeds.backend, 'memory', warm);
      expect(report, log).toMatchObject({ end: 'result', reset: 'memory', result: { status: 'ok' } });
    } finally {
      await warm.close();
    }
  });

  test('a job that is cancelled before it starts leaves none', async () => {
    const warm = createDriver('qemu', { state, accelerator: 'tcg', warm: 2, overcommit: true });
    const preparing = warm.prepare({ image, reset: 'memory', limits }, signal);
    await warm.close();
    await preparing;
  });
});
