import { expect, test } from 'vitest';
import { judgeReleases } from './candidates.ts';
import { BOOKWORM, projectOf } from './testing/recorded.ts';

test.each([
  ['>=2.0rc1', true],
  ['!=2.0rc1', false],
  ['>=1,!=2.0rc1', false],
  ['', false],
])('pre-releases under %j count beside a final release: %s', (specifier, counts) => {
  const releases = ['2.0rc2', '1.0'].map((version) => ({ version, files: [`foo-${version}.tar.gz`] }));
  const [newest] = judgeReleases(projectOf('foo', releases), specifier, BOOKWORM);
  expect(newest?.version).toBe('2.0rc2');
  expect(newest?.candidate !== undefined).toBe(counts);
});
