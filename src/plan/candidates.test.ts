import { expect, test } from 'vitest';
import { judgeReleases } from './candidates.ts';
import { BOOKWORM, projectOf } from './testing/recorded.ts';

test.each<[readonly string[], boolean]>([
  [['py2-none-any', 'py3-none-any'], false],
  [['cp38-none-any'], false],
  [['py3-none-win_amd64', 'py3-none-any'], true],
  [['cp311-cp311-manylinux2014_x86_64'], true],
  [['cp38-abi3-any'], true],
])('a release with the wheels %j: an extension is expected: %s', (tags, expected) => {
  const files = ['foo-1.0.tar.gz', ...tags.map((tag) => `foo-1.0-${tag}.whl`)];
  const [judged] = judgeReleases(projectOf('foo', [{ version: '1.0', files }]), '', BOOKWORM);
  expect(judged?.candidate?.expectsExtension).toBe(expected);
});

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
