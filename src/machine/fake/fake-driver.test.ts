import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GuestJob, GuestLimits } from '../../model/machine.ts';
import type { GuestSide } from './guest-side.ts';
import { createFakeDriver } from './fake-driver.ts';

let spool = '';
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'rennet-fake-'));
});
afterEach(() => rm(spool, { recursive: true }));

const LIMITS: GuestLimits = {
  wallMs: 5000,
  idleMs: 4000,
  memoryMiB: 64,
  cpus: 1,
  outputBytes: 4096,
  logBytes: 1000,
  outputFiles: 3,
  processes: 10,
};

function job(limits: Partial<GuestLimits> = {}): GuestJob {
  return {
    id: 'job-1',
    image: {} as GuestJob['image'],
    reset: 'overlay',
    input: spool,
    spool,
    limits: { ...LIMITS, ...limits },
  };
}

/** Runs one guest that has said hello and ready, with a life of its own after that. */
async function run(life: (guest: GuestSide) => Promise<void>, limits: Partial<GuestLimits> = {}) {
  const driver = createFakeDriver(() => async (guest) => {
    await guest.hello();
    await guest.ready();
    await life(guest);
  });
  return driver.run(job(limits), new AbortController().signal);
}

test('an answer becomes a result, a log and a tar stream', async () => {
  const driver = createFakeDriver(() => ({
    log: 'hello\n',
    files: [{ name: 'a.whl', content: 'wheel' }],
    facts: { wheel: 'a.whl' },
  }));
  const report = await driver.run(job(), new AbortController().signal);
  expect(report).toMatchObject({ end: 'result', driver: 'fake', isolation: 'none', sentence: '' });
  expect(report.result).toMatchObject({ status: 'ok', facts: { wheel: 'a.whl' }, files: 1 });
  expect(await readFile(report.log, 'utf8')).toBe('hello\n');
  expect((await readFile(report.output)).subarray(0, 5).toString()).toBe('a.whl');
});

test.each([
  ['another nonce', { nonce: '0'.repeat(32) }],
  ['not reseeded', { reseeded: false }],
  ['a clock an hour behind', { clock: Date.now() / 1000 - 3600 }],
  ['a clock an hour ahead', { clock: Date.now() / 1000 + 3600 }],
])('a guest that is ready with %s is refused', async (_, fields) => {
  const driver = createFakeDriver(() => async (guest) => {
    await guest.hello();
    await guest.ready(fields);
  });
  const report = await driver.run(job(), new AbortController().signal);
  expect(report).toMatchObject({ end: 'infrastructure' });
  expect(report.sentence).toMatch(/refused/);
});

test('random bytes that a guest gave before are refused', async () => {
  const driver = createFakeDriver(() => async (guest) => {
    await guest.hello();
    await guest.ready({ random: 'ab'.repeat(16) });
    await guest.result();
  });
  expect((await driver.run(job(), new AbortController().signal)).end).toBe('result');
  const second = await mkdtemp(join(tmpdir(), 'rennet-fake-'));
  const report = await driver.run({ ...job(), spool: second }, new AbortController().signal);
  await rm(second, { recursive: true });
  expect(report).toMatchObject({ end: 'infrastructure', sentence: expect.stringMatching(/seen/) });
});

test.each<[string, (guest: GuestSide) => Promise<void>]>([
  [
    'a second result',
    async (guest) => {
      await guest.result({ bytes: 5 });
      await guest.result({ bytes: 5 });
    },
  ],
  ['another nonce in the result', (guest) => guest.result({ nonce: '1'.repeat(32) })],
  ['a wrong digest', (guest) => guest.result({ sha512: '0'.repeat(128) })],
  [
    'less output than it says',
    async (guest) => {
      await guest.result({ bytes: 7 });
      guest.powerOff();
    },
  ],
  [
    'more output than it says',
    async (guest) => {
      await guest.output(Buffer.alloc(9));
      await guest.result({ bytes: 7 });
    },
  ],
  ['a line that is not JSON', (guest) => guest.say('success!\n')],
  ['an unknown message', (guest) => guest.say({ type: 'verdict', status: 'ok' })],
  ['a field that nobody agreed on', (guest) => guest.result({ admitted: true })],
  ['an endless line', (guest) => guest.say('x'.repeat(70_000))],
  ['ready twice', (guest) => guest.ready()],
])('%s is a forgery', async (_, life) => {
  const report = await run(life);
  expect(report).toMatchObject({ end: 'forged' });
  expect(report.result).toBeUndefined();
});

test('more than a hundred phases are a forgery, a hundred are not', async () => {
  const phases = (count: number) => async (guest: GuestSide) => {
    for (let index = 0; index < count; index += 1) await guest.say({ type: 'phase', name: `step ${index}` });
    await guest.result();
  };
  expect((await run(phases(100))).end).toBe('result');
  await rm(join(spool, 'log'));
  await rm(join(spool, 'output'));
  expect((await run(phases(101))).end).toBe('forged');
});

test('log and output never grow past their limits', async () => {
  const report = await run(async (guest) => {
    for (let index = 0; index < 10; index += 1) await guest.log('x'.repeat(300));
  });
  expect(report).toMatchObject({ end: 'limit', limit: 'log' });
  expect((await readFile(report.log)).length).toBe(LIMITS.logBytes);
  await rm(report.log);
  await rm(report.output);
  const second = await run((guest) => guest.output(Buffer.alloc(5000)));
  expect(second).toMatchObject({ end: 'limit', limit: 'output' });
  expect((await readFile(second.output)).length).toBe(LIMITS.outputBytes);
});

test('a result with too many files is a limit', async () => {
  expect(await run((guest) => guest.result({ files: 4 }))).toMatchObject({ end: 'limit', limit: 'files' });
});

test('a silent guest and an endless one run into their limits', async () => {
  expect(await run(async () => {}, { idleMs: 50 })).toMatchObject({ end: 'limit', limit: 'idle' });
  await rm(join(spool, 'log'));
  await rm(join(spool, 'output'));
  const noisy = async (guest: GuestSide) => {
    while (!guest.destroyed.aborted) {
      await guest.log('.');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  expect(await run(noisy, { wallMs: 100 })).toMatchObject({ end: 'limit', limit: 'time' });
});

test('a guest that goes off has no result', async () => {
  expect(await run(async (guest) => guest.powerOff())).toMatchObject({ end: 'power-off' });
});

test('an abort destroys the guest', async () => {
  const abort = new AbortController();
  let destroyed = false;
  const driver = createFakeDriver(() => async (guest) => {
    guest.destroyed.addEventListener('abort', () => {
      destroyed = true;
    });
    await guest.hello();
    await guest.ready();
    abort.abort();
  });
  expect(await driver.run(job(), abort.signal)).toMatchObject({ end: 'cancelled' });
  expect(destroyed).toBe(true);
});

test('a spool that cannot be written is an error of this host', async () => {
  const driver = createFakeDriver(() => ({}));
  const broken = { ...job(), spool: join(spool, 'missing') };
  await expect(driver.run(broken, new AbortController().signal)).rejects.toMatchObject({ code: 'state-unwritable' });
});
