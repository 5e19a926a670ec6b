import { expect, test } from 'vitest';
import { resetNote } from './attempt-event.ts';

test.each([
  ['memory', 'qemu', 'overlay', /booted/],
  ['memory', 'qemu', 'memory', /^$/],
  ['overlay', 'qemu', 'overlay', /^$/],
  ['memory', 'namespace', 'overlay', /^$/],
  ['memory', 'qemu', undefined, /^$/],
] as const)('%s asked of %s, %s taken', (asked, driver, reset, note) => {
  expect(resetNote(asked, { driver, ...(reset ? { reset } : {}) })).toMatch(note);
});
