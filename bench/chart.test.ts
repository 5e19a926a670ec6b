import { expect, test } from 'vitest';
import { drawChart, formatValue } from './chart.ts';

const chart = {
  title: 'Time to ready',
  subtitle: 'tcg, 2 processors & <more>',
  names: ['memory', 'overlay'],
  unit: 'ms',
  series: [
    { name: 'median', values: [231, 4100] },
    { name: 'p95', values: [260, undefined] },
  ],
} as const;

test.each(['bars', 'lines'] as const)('%s: an SVG document with names, unit and values, its text escaped', (kind) => {
  const svg = drawChart({ ...chart, kind });
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  for (const text of ['Time to ready', 'memory', 'overlay', 'median', 'p95', '231', '4,100', '>ms<'])
    expect(svg).toContain(text);
  expect(svg).toContain('&amp; &lt;more&gt;');
  expect(svg).not.toContain('<more>');
});

test('a value keeps three digits that count', () => {
  expect([0.4211, 16.34, 99.94, 1240.4].map(formatValue)).toEqual(['0.42', '16.3', '99.9', '1,240']);
});
