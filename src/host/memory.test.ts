import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { readAvailableMiB, requireMemory, requireSpace } from './memory.ts';

test('too little space is said with figures', async () => {
  await expect(requireSpace(tmpdir(), 1e12, 'A build')).rejects.toMatchObject({
    code: 'no-space',
    message: expect.stringMatching(/^A build needs 1000000000000 MiB in .+, which has \d+ MiB left/) as string,
  });
  await requireSpace(tmpdir(), 0, 'Nothing');
});

test('too little memory is said with figures', async () => {
  await expect(requireMemory(1e12, 'A guest')).rejects.toMatchObject({
    code: 'no-memory',
    message: expect.stringMatching(
      /^A guest needs 1000000000000 MiB of memory, of which this host has [1-9]\d* MiB/,
    ) as string,
  });
  await requireMemory(1, 'Nearly nothing');
});

test('available memory is read by its own line', () => {
  expect(readAvailableMiB('MemTotal: 9 kB\nMemAvailable:    2048 kB\nMemFree: 4096 kB\n')).toBe(2);
  expect(readAvailableMiB('')).toBe(0);
});
