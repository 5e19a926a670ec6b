import { describe, expect, it } from 'vitest';
import { figureOf } from './figures.ts';

describe('figureOf', () => {
  it.each([
    [[5], 5, 5],
    [[3, 1, 2], 2, 3],
    [[4, 1, 3, 2], 2.5, 4],
    [Array.from({ length: 100 }, (_, i) => i + 1), 50.5, 95],
  ])('%j', (samples, median, p95) => {
    expect(figureOf('a', 'ms', samples)).toMatchObject({ median, p95, min: Math.min(...samples), n: samples.length });
  });
});
