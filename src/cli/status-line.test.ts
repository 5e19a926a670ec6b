import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatProgress } from './status-line.ts';

describe('formatDuration', () => {
  it.each([
    [0, '0.0 s'],
    [1499, '1.5 s'],
    [12_300, '12 s'],
    [65_000, '1 min 5 s'],
    [119_800, '2 min 0 s'],
  ])('%d ms', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('formatBytes', () => {
  it.each([
    [12, '12 B'],
    [2048, '2 KiB'],
    [5.5 * 1024 ** 2, '5.5 MiB'],
    [3 * 1024 ** 3, '3.0 GiB'],
  ])('%d', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatProgress', () => {
  it('says what is done and for how long', () =>
    expect(formatProgress({ doing: 'booting' }, 1200)).toBe('booting (1.2 s)'));
  it('says how much is left where that can be known', () =>
    expect(formatProgress({ doing: 'downloading x', done: 1024, total: 4096, unit: 'bytes' }, 2000)).toBe(
      'downloading x 1 KiB of 4 KiB, about 6.0 s left (2.0 s)',
    ));
  it('guesses nothing in the first moments', () =>
    expect(formatProgress({ doing: 'x', done: 1, total: 100, unit: 'files' }, 100)).toBe('x 1 of 100 files (0.1 s)'));
});
