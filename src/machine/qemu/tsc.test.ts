import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StateFolder, stateFolder } from '../../model/state.ts';
import { chooseRate, hostTscKhz } from './tsc.ts';

let state: StateFolder;
beforeAll(async () => {
  state = stateFolder(await mkdtemp(join(tmpdir(), 'rennet-tsc-')));
  await mkdir(state.run);
});
afterAll(async () => rm(state.root, { recursive: true, force: true }));

test.runIf(process.arch === 'x64')(
  'the rate is measured once for a boot, and one that is nearly the same after another boot does not change',
  async () => {
    const first = (await hostTscKhz(state)) ?? 0; // 0: it could not be measured
    expect(first).toBeGreaterThanOrEqual(100_000);
    expect(await hostTscKhz(state)).toBe(first);
    const file = join(state.run, 'tsc.json');
    const kept = Math.round(first * 1.0009);
    await writeFile(file, JSON.stringify({ boot: 'another', khz: kept }));
    expect(await hostTscKhz(state)).toBe(kept);
    expect(JSON.parse(await readFile(file, 'utf8'))).not.toMatchObject({ boot: 'another' });
  },
);

test.runIf(process.arch === 'x64')('that it could not be measured is not kept', async () => {
  const [path, unmeasured] = [process.env['PATH'], stateFolder(join(state.root, 'unmeasured'))];
  try {
    process.env['PATH'] = '/nonexistent';
    expect(await hostTscKhz(unmeasured)).toBeUndefined();
  } finally {
    process.env['PATH'] = path;
  }
  expect(await hostTscKhz(unmeasured)).toBeGreaterThan(0);
});

test.each([
  [2_300_100, undefined, 2_300_100],
  [2_300_100, 2_299_000, 2_299_000],
  [2_300_100, 2_000_000, 2_300_100],
])('measured %i, before %s: %i', (measured, before, khz) => {
  expect(chooseRate(measured, before)).toBe(khz);
});
