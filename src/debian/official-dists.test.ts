import { expect, test } from 'vitest';
import { distStem, officialDists, parseFallback, plainUpstream, splitStem } from './official-dists.ts';
import type { PackagesIndex } from './packages-index.ts';

/** Versions in the release and, where there is a second one, in security. */
function index(versions: Record<string, [release: string, security?: string]>): PackagesIndex {
  const entries = Object.entries(versions);
  const security = entries.flatMap(([name, [, version]]) => (version === undefined ? [] : [[name, version] as const]));
  return {
    packages: new Map(entries.map(([name, [a, b]]) => [name, { version: b ?? a, architecture: 'all' }])),
    suites: new Map([
      ['r', new Map(entries.map(([name, [version]]) => [name, version]))],
      ['s', new Map(security)],
    ]),
  };
}

test.each([
  ['six-1.16.0.dist-info/METADATA', 'six-1.16.0'],
  ['six-1.16.0.egg-info', 'six-1.16.0'],
  ['furo.egg-info/PKG-INFO', 'furo'],
  ['py/_vendored_packages/apipkg-2.0.0.dist-info/METADATA', undefined],
  ['six.py', undefined],
])('distribution of %s', (path, stem) => {
  expect(distStem(path)).toBe(stem);
});

test.each([
  ['six-1.16.0', 'six', '1.16.0'],
  ['zope.interface-5.5.2-py3.11', 'zope.interface', '5.5.2'],
  ['PyYAML-6.0-py3', 'PyYAML', '6.0'],
  ['cryptography', 'cryptography', ''],
  ['colorcet-None', 'colorcet-None', ''],
  ['odd-name-1.0', 'odd-name', '1.0'],
])('stem %s', (stem, name, version) => {
  expect(splitStem(stem)).toEqual({ name, version });
});

test.each([
  ['1:2.3.0+dfsg-2', '2.3.0'],
  ['0.2.5+dfsg1-1.1', '0.2.5'],
  ['3.0~rc1-1', '3.0rc1'],
  ['2.0+really1.5-1', '1.5'],
  ['1.0~ds1-1', '1.0'],
  ['1.0.0+repack-1', '1.0.0'],
])('upstream part of %s', (version, upstream) => {
  expect(plainUpstream(version)).toBe(upstream);
});

test('the version of the folder counts while the list is current, the Debian version afterwards', () => {
  const packages = index({
    'python3-six': ['1.16.0-4'],
    'python3-new': ['1.0-1', '1.1-1'],
    'python3-fix': ['5.0+dfsg-1', '5.0+dfsg-1+deb12u1'],
    'python3-zero': ['20230101-1'],
    'python3-both': ['1.0-1', '2.0-1'],
  });
  const found = [
    { stem: 'six-1.16.0', package: 'python3-six', suite: 'r' },
    { stem: 'new-1.0', package: 'python3-new', suite: 'r' },
    { stem: 'Fix-5.0.post1', package: 'python3-fix', suite: 'r' },
    { stem: 'zero-0.0.0', package: 'python3-zero', suite: 'r' },
    { stem: 'both-2.0b2', package: 'python3-both', suite: 's' },
    { stem: 'both-1.0', package: 'python3-both', suite: 'r' },
    { stem: 'gone-1.0', package: 'python3-gone', suite: 'r' },
  ];
  const rows = officialDists(found, packages, new Map());
  expect(Object.fromEntries(rows.map((row) => [row.project, row.upstreamVersion]))).toEqual({
    six: '1.16.0',
    new: '1.1',
    fix: '5.0.post1',
    zero: '20230101',
    both: '2.0b2',
  });
});

test('the usual package name comes first; dh-python fills the gaps only', () => {
  const packages = index({
    'python3-foo': ['1.0-1'],
    'aaa-foo': ['2.0-1'],
    'python3-bar': ['3.0-1'],
    'python3-wrong': ['1-1'],
  });
  const found = [
    { stem: 'Foo-2.0', package: 'aaa-foo', suite: 'r' },
    { stem: 'foo-1.0', package: 'python3-foo', suite: 'r' },
  ];
  const fallback = parseFallback('# comment\nBar python3-bar\nfoo python3-wrong\nabsent python3-absent\n');
  expect(officialDists(found, packages, fallback)).toEqual([
    { project: 'bar', package: 'python3-bar', upstreamVersion: '3.0' },
    { project: 'foo', package: 'python3-foo', upstreamVersion: '1.0' },
    { project: 'foo', package: 'aaa-foo', upstreamVersion: '2.0' },
  ]);
});
