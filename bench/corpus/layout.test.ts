import { expect, test } from 'vitest';
import { parseEnd } from './layout.ts';

test.each([
  ['0 3.335823728\n', { status: 0, wallSeconds: 3.335823728 }],
  ['1 .576764098\n', { status: 1, wallSeconds: 0.576764098 }],
  ['124 1200 9752191\n', { status: 124, wallSeconds: 1200, commit: '9752191' }],
  ['3 12.000', { status: 3, wallSeconds: 12 }],
])('the end %j is read', (text, end) => {
  expect(parseEnd(text)).toEqual(end);
});

test.each(['', '\n', '0', '0 ', '0 .', 'x 1', '0 1 a b', '-1 3'])('%j is no end, so the case is run again', (text) => {
  expect(parseEnd(text)).toBeUndefined();
});
