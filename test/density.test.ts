import { readdir } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { benchDensity } from '../bench/density.ts';
import type { Figure } from '../bench/figures.ts';
import type { Image } from '../src/model/machine.ts';
import { until } from './support/aftermath.ts';
import { machineState as state, testImages } from './support/images.ts';
import { commandOf, descendants, leftovers } from './support/traces.ts';

let image: Image;
beforeAll(async () => {
  image = (await testImages(['disk'])).runtime;
}, 600_000);

const bench = () => ({ state, image, accelerator: 'tcg', runs: 1 }) as const;
const nothing = (): void => {};

/** Folders of slots of this process may be those of other runs too; processes and groups are ours alone. */
async function expectNothingLeft(): Promise<void> {
  expect([...(await descendants())]).toEqual([]);
  expect((await leftovers()).cgroups).toEqual([]);
  expect((await readdir(state.run)).filter((name) => name.startsWith('bench-'))).toEqual([]);
}

test('clones are held idle, measured, and destroyed; one more takes far less than its memory', async () => {
  const { figures, left, isolation } = await benchDensity(
    { ...bench(), counts: [1, 3] },
    nothing,
    new AbortController().signal,
  );
  expect({ left, isolation }).toEqual({ left: [], isolation: 'emulated' });
  const of = (name: string): Figure => figures.find((figure) => figure.name === name) as Figure;
  expect(of('density.3.ready').n).toBe(1);
  expect(of('density.3.each').n).toBe(3);
  expect(of('density.3.each').max).toBe(of('density.3.ready').max);
  // Pages of the template count once, and whole where there is one clone only.
  expect(of('density.1.pss').median).toBeGreaterThan(of('density.3.pss').median);
  expect(of('density.3.pss').median).toBeGreaterThan(of('density.3.private').median);
  expect(of('density.pssPerClone').median).toBeGreaterThan(8);
  expect(of('density.pssPerClone').median).toBeLessThan(128);
  await expectNothingLeft();
});

test('^C in the middle: none of them is left', async () => {
  const stop = new AbortController();
  const running = benchDensity({ ...bench(), counts: [4] }, nothing, stop.signal).then(
    () => 'measured',
    () => 'stopped',
  );
  await until(async () => {
    const commands = await Promise.all([...(await descendants())].map(commandOf));
    return commands.some((command) => command.includes('qemu-system-'));
  });
  stop.abort();
  expect(await running).toBe('stopped');
  await expectNothingLeft();
});

// More than any host has memory for, without starting any.
test('counts without memory for them are left out, and said', async () => {
  const { figures, left } = await benchDensity(
    { ...bench(), counts: [1, 1_000_000] },
    nothing,
    new AbortController().signal,
  );
  expect(left).toEqual([1_000_000]);
  expect(figures.map(({ name }) => name)).not.toContain('density.1000000.ready');
});
