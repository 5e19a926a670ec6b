import { expect, test } from 'vitest';
import { mayWait } from './pool.ts';

test('a guest waits only where its whole memory and room for other builds are free', () => {
  expect(mayWait({ memoryMiB: 2048 }, 4096)).toBe(true);
  expect(mayWait({ memoryMiB: 2048 }, 4095)).toBe(false);
});
