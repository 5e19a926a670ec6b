import { expect, test } from 'vitest';
import type { GuestReport } from '../model/machine.ts';
import { explainTests, testReportOf } from './report.ts';
import { readReport } from './run-tests.ts';

const FACTS = { ran: true, runner: 'pytest', exit: 1, timedOut: false, message: 'last line', failing: [] };
const COUNTS = { passed: 3, failed: 0, errors: 0, skipped: 0 };

function told(facts: unknown, status: 'ok' | 'failed' = 'ok') {
  return readReport({ end: 'result', sentence: '', result: { status, facts, files: 0, sha512: '' } });
}

test.each([
  ['all pass', { ...FACTS, ...COUNTS, exit: 0 }, 'passed', "Upstream's tests (pytest): 3 passed."],
  [
    'some fail',
    { ...FACTS, ...COUNTS, failed: 1, skipped: 2 },
    'failed',
    "Upstream's tests (pytest): 3 passed, 1 failed, 2 skipped.",
  ],
  [
    'the runner breaks',
    { ...FACTS, ...COUNTS, exit: 139, message: '\u001b[31mSegmentation fault.\u202e' },
    'failed',
    "Upstream's tests (pytest): 3 passed; pytest ended with status 139: Segmentation fault.",
  ],
  [
    'they hang',
    { ...FACTS, ...COUNTS, exit: 137, timedOut: true, message: 'stopped after 900 s' },
    'failed',
    "Upstream's tests (pytest) did not end in time: 3 passed.",
  ],
  [
    'none are found',
    { ...FACTS, ...COUNTS, passed: 0, exit: 5 },
    'none',
    "Upstream's tests were not run: pytest found none.",
  ],
  [
    'a command that counts nothing',
    { ...FACTS, ...COUNTS, passed: 0, exit: 0, runner: 'command' },
    'passed',
    "Upstream's tests (command): 0 passed.",
  ],
  [
    'the package does not install',
    { ran: false, message: 'dpkg: error: no' },
    'not-run',
    "Upstream's tests did not run: they could not be laid out: dpkg: error: no.",
  ],
])('%s', (_, facts, status, sentence) => {
  expect(told(facts)).toMatchObject({ status, sentence });
});

test.each([
  ['a count below zero', { ...FACTS, ...COUNTS, passed: -1 }],
  ['names without end', { ...FACTS, ...COUNTS, failing: Array.from({ length: 21 }, () => 'x') }],
  ['no facts', undefined],
  ['another shape', { ran: 'yes' }],
])('nonsense of the guest is told as such: %s', (_, facts) => {
  expect(told(facts)).toMatchObject({
    status: 'not-run',
    sentence: "Upstream's tests did not run: their guest ended without the agreed answer.",
  });
});

test.each<[GuestReport['end'], string]>([
  ['limit', 'The guest used more memory than allowed.'],
  ['forged', 'The guest broke the protocol.'],
  ['power-off', 'The guest powered itself off.'],
])('a guest that ends as %s', (end, sentence) => {
  expect(readReport({ end, sentence })).toMatchObject({
    status: 'not-run',
    sentence: expect.stringContaining(sentence),
  });
});

test('names of tests lose what turns a terminal around', () => {
  const report = told({ ...FACTS, ...COUNTS, failed: 30, failing: ['test_\u202e\u001b[2Jx', 'b'] });
  expect(report.failing).toEqual(['test_x', 'b']);
  expect(explainTests({ ...report, unmet: ['x is required.'] }).slice(1)).toEqual([
    '  failed: test_x',
    '  failed: b',
    '  … and 28 more',
    '  not met for them: x is required.',
  ]);
  expect(testReportOf({ tests: report })).toEqual(report);
  expect(testReportOf({})).toBeUndefined();
});
