import { expect, test } from 'vitest';
import type { ReleaseFile } from '../model/release.ts';
import { pureWheelFor, wheelPlatforms } from './pure-wheel.ts';
import { BOOKWORM } from './testing/recorded.ts';

const wheel = (tags: string, more: Partial<ReleaseFile> = {}): ReleaseFile => ({
  filename: `curd-1.0-${tags}.whl`,
  url: 'https://files.example.org/w',
  kind: 'wheel',
  ...more,
});
const sdist: ReleaseFile = { ...wheel(''), filename: 'curd-1.0.tar.gz', kind: 'sdist' };

test.each<[string, readonly ReleaseFile[], string | undefined]>([
  ['one for any Python 3', [sdist, wheel('cp311-cp311-linux_x86_64'), wheel('py3-none-any')], 'py3-none-any'],
  ['one for both Pythons', [wheel('py2.py3-none-any')], 'py2.py3-none-any'],
  ['the one that fits', [wheel('py312-none-any'), wheel('py38-none-any')], 'py38-none-any'],
  ['the one whose Requires-Python fits', [wheel('py3-none-any', { requiresPython: '<3' })], undefined],
  ['none that is compiled', [wheel('cp311-cp311-linux_x86_64'), wheel('cp311-abi3-linux_x86_64')], undefined],
  ['none that is for one platform', [wheel('py3-none-linux_x86_64')], undefined],
  ['none that is for Python 2', [wheel('py2-none-any')], undefined],
  ['no sdist', [sdist], undefined],
])('%s', (_what, files, tags) => {
  expect(pureWheelFor(files, 'curd', BOOKWORM)?.filename).toBe(tags && `curd-1.0-${tags}.whl`);
});

test.each([
  [['win32'], 'win32'],
  [['win32', 'linux_x86_64', 'win32'], 'linux_x86_64 and win32'],
  [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d and 2 more'],
  [['manylinux1_x86_64.manylinux2014_x86_64'], 'manylinux1_x86_64 and manylinux2014_x86_64'],
  [[], ''],
])('platforms of %j', (platforms, text) => {
  const files = platforms.map((platform) => wheel(`cp311-cp311-${platform}`));
  expect(wheelPlatforms(files, 'curd')).toBe(text);
});
