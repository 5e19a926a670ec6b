import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attemptId } from './attempts.ts';

const moment = fc.integer({ min: 0, max: 32 ** 9 - 1 });
const random = fc.uint8Array({ minLength: 4, maxLength: 4 });

test('ids sort by time and are fit for file names', () => {
  fc.assert(
    fc.property(moment, moment, random, random, (one, two, noiseOne, noiseTwo) => {
      const [first, second] = [attemptId(one, noiseOne), attemptId(two, noiseTwo)];
      expect(first).toMatch(/^a[0-9a-z]{13}$/);
      if (one < two) expect(first < second).toBe(true);
    }),
  );
});
