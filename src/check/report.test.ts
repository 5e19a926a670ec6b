import { expect, test } from 'vitest';
import { explainCheck } from './report.ts';

test('what was compared, what was seen, and what is odd', () => {
  const check = {
    comparedWith: 'curd-1.0-py3-none-any.whl',
    imports: [{ module: 'curd', ok: true }],
    scripts: [{ path: '/usr/bin/curd', ok: false }],
    passed: ['content', 'files'],
    notes: ['It is\u001b[31m odd.\n'],
  };
  expect(explainCheck({ check })).toEqual([
    'check: compared with curd-1.0-py3-none-any.whl, 1 of 1 modules import, 0 of 1 commands start, passed 2 checks',
    'note: It is odd. ',
  ]);
  expect(explainCheck({ check: {} })).toEqual(['check: compared with no wheel of upstream']);
});

test('an attempt that came to no check has no line', () => {
  expect(explainCheck({})).toEqual([]);
  expect(explainCheck({ check: 'odd' })).toEqual([]);
});
