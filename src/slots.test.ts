import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createSlots } from './slots.ts';

test('no more at once than slots, in the order in which they asked', async () => {
  const slots = createSlots(2);
  const begun: number[] = [];
  let [running, most] = [0, 0];
  await Promise.all(
    [1, 2, 3, 4, 5].map((number) =>
      slots.run(async () => {
        begun.push(number);
        most = Math.max(most, (running += 1));
        await turn();
        running -= 1;
      }),
    ),
  );
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test('who waits gives the slot away: a single slot is enough for a chain, and failures give it back', async () => {
  const slots = createSlots(1);
  const nested = (depth: number): Promise<number> =>
    slots.run(async () => (depth === 0 ? 0 : 1 + (await slots.without(() => nested(depth - 1)))));
  expect(await nested(5)).toBe(5);
  const failing = () => slots.run(() => slots.without(() => Promise.reject(new Error('no'))));
  await expect(failing()).rejects.toThrow('no');
  expect(await nested(1)).toBe(1);
});
