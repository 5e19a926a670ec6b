import { expect, test } from 'vitest';
import { RennetError } from './model/errors.ts';
import { AttemptEnd } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import { BOOKWORM } from './plan/testing/recorded.ts';
import { fromWheel, neitherServes, unbuildable } from './wheel-fall-back.ts';

const file = (filename: string, kind: 'sdist' | 'wheel') =>
  ({ filename, kind, url: `https://files.example.org/${filename}` }) as const;
const PURE = file('curd-1.0-py3-none-any.whl', 'wheel');
const RECIPE: Recipe = {
  project: 'curd',
  version: '1.0',
  target: BOOKWORM,
  source: file('curd-1.0.tar.gz', 'sdist'),
  package: 'python3-curd',
  upstreamVersion: '1.0',
  wheels: [file('curd-1.0-cp311-cp311-linux_x86_64.whl', 'wheel'), PURE],
  forceOfficial: false,
};
const FAILED = { kind: 'build-failed', class: 'no-wheel', sentence: 'curd 1.0: The build failed.' } as const;

test.each<[string, unknown, string | undefined]>([
  ['a build that failed', new AttemptEnd(FAILED), 'build-failed'],
  ['build requirements', new AttemptEnd({ kind: 'unsatisfiable', sentence: 'No.' }), 'unsatisfiable'],
  ['texts that cannot be read', new RennetError('bad-metadata', 'No.'), 'build-failed'],
  ['an unsafe archive', new RennetError('bad-archive', 'No.'), undefined],
  ['another hash than was said', new RennetError('wrong-hash', 'No.'), undefined],
  ['an index that is down', new RennetError('index-unreachable', 'No.'), undefined],
  ['a limit', new AttemptEnd({ kind: 'limit', limit: 'time', sentence: 'No.' }), undefined],
  ['another platform', new AttemptEnd({ kind: 'not-for-target', sentence: 'No.' }), undefined],
  ['a forged result', new AttemptEnd({ kind: 'rejected', rule: 'guest-facts', sentence: 'No.' }), undefined],
  ['a defect', new Error('No.'), undefined],
])('a wheel may stand in after %s: %s', (_what, error, kind) => expect(unbuildable(error)?.kind).toBe(kind));

test('the pure wheel takes the place of the sdist, once', () => {
  const instead = fromWheel(RECIPE, FAILED);
  expect(instead).toMatchObject({ source: PURE, inPlaceOf: { filename: 'curd-1.0.tar.gz', outcome: FAILED } });
  expect(instead && fromWheel(instead, FAILED)).toBeUndefined();
  expect(fromWheel({ ...RECIPE, wheels: RECIPE.wheels.slice(0, 1) }, FAILED)).toBeUndefined();
});

test('where the wheel is refused the failure of the sdist is told, and both', () => {
  expect(neitherServes(RECIPE, 'It is bad.')).toBeUndefined();
  const instead = fromWheel(RECIPE, FAILED);
  expect(instead && neitherServes(instead, 'It is bad.')).toEqual({
    ...FAILED,
    sentence: "curd 1.0: The build failed. Nor does upstream's curd-1.0-py3-none-any.whl do: It is bad.",
  });
});
