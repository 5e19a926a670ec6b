import { expect, test } from 'vitest';
import { sourceLines, whyFromWheel } from './made-from.ts';
import type { Recipe } from './recipe.ts';

const file = (filename: string, kind: 'sdist' | 'wheel', url = `https://files.example.org/${filename}`) => ({
  filename,
  kind,
  url,
});
const SDIST = file('curd-1.0.tar.gz', 'sdist');
const WHEEL = file('curd-1.0-py3-none-any.whl', 'wheel');
const failed = (sentence: string): Recipe['inPlaceOf'] => ({
  filename: SDIST.filename,
  outcome: { kind: 'build-failed', sentence },
});

test.each<[string, Pick<Recipe, 'source' | 'inPlaceOf'>, string | undefined]>([
  ['an sdist', { source: SDIST }, undefined],
  ['a wheel alone', { source: WHEEL }, 'the release has no sdist'],
  ['a wheel that a person gave', { source: { ...WHEEL, url: 'local:x' } }, 'that is what was given'],
  [
    'a wheel in place of an sdist',
    { source: WHEEL, inPlaceOf: failed('curd 1.0: The build failed.') },
    'its sdist cannot be built: The build failed',
  ],
  [
    'one whose sentence begins otherwise',
    { source: WHEEL, inPlaceOf: failed('pyproject.toml is broken.') },
    'its sdist cannot be built: pyproject.toml is broken',
  ],
])('%s', (_what, given, why) => {
  const recipe = { project: 'curd', version: '1.0', ...given };
  expect(whyFromWheel(recipe)).toBe(why);
  const facts = sourceLines(recipe).map(({ fact, fate }) => `${fact} ${fate}`);
  const inPlaceOf = given.inPlaceOf === undefined ? [] : ['curd-1.0.tar.gz left-out'];
  expect(facts).toEqual(why === undefined ? [] : ['curd-1.0-py3-none-any.whl translated', ...inPlaceOf]);
});
