import { expect, test } from 'vitest';
import { extrapolate } from './extrapolation.ts';
import { figureOf } from './figures.ts';

test("the paper's host: each step of the sum is shown, from the largest count that kept all processors busy", () => {
  const figures = [
    figureOf('density.1.ready', 'ms', [230]),
    figureOf('density.8.ready', 'ms', [1200]),
    figureOf('density.16.ready', 'ms', [2400]),
    figureOf('density.pssPerClone', 'MiB', [43.75]),
  ];
  const lines = extrapolate(figures, 2, 290);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain('planned, not measured');
  expect(lines[1]).toMatch(/: 44 guests of 5120 MiB at once, bounded by memory .*; 40 by default\.$/);
  expect(lines[2]).toContain(
    '40 clones x 43.8 MiB (density.pssPerClone) + 290 MiB of template, once = 2040 MiB, 0.8 %',
  );
  expect(lines[3]).toContain(
    '16 clones took 2400 ms on 2 processors, 300 ms of a processor each; 40 x 300 / 48 = 250 ms',
  );
});

test('what was not measured is not extrapolated', () => {
  const one = [figureOf('density.1.ready', 'ms', [230])];
  expect(extrapolate(one, 2, 290)).toHaveLength(2);
  expect(extrapolate([], 2, 0)).toHaveLength(2);
});
