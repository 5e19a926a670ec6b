import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Recipe } from '../model/recipe.ts';
import { specifierAccepts } from '../python/version.ts';
import { readAlternatives } from './alternatives.ts';
import { asksForWheel, backEndOf, buildEnvironment } from './build-job.ts';
import { mergeStatus } from './dpkg-status.ts';
import { exceededPins } from './upper-pins.ts';

test.each([
  ['<64', '66.1', ['<64']],
  ['>=40,<64,!=50', '66.1', ['<64']],
  ['==1.4.*', '1.12', ['==1.4.*']],
  ['~=1.0', '2.0', ['~=1.0']],
  ['>=70', '66.1', undefined],
  ['==70.0', '66.1', undefined],
  ['!=66.1', '66.1', undefined],
  ['>=1', '66.1', []],
])('exceeded pins of %s at %s', (specifier, version, pins) => {
  expect(exceededPins(specifier, version)).toEqual(pins);
});

test('without the exceeded pins the version is accepted', () => {
  const number = fc.integer({ min: 0, max: 5 });
  const version = fc.tuple(number, number).map(([major, minor]) => `${major}.${minor}`);
  const clause = fc
    .tuple(fc.constantFrom('<', '<=', '>', '>=', '==', '!=', '~='), version)
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(clause, { maxLength: 4 }), version, (clauses, ours) => {
      const pins = exceededPins(clauses.join(','), ours);
      const rest = clauses.filter((text) => !pins?.includes(text)).join(',');
      expect(specifierAccepts(rest, ours, { prereleases: true })).toBe(pins !== undefined);
    }),
  );
});

test('alternatives are read with slaves, continuation lines and quotes; what needs a shell is passed over', () => {
  const script = `#!/bin/sh
update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 \\
    libblas.so.3-x86_64-linux-gnu "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3" 10 \\
    --slave /usr/share/x x /usr/share/y
if true; then /usr/bin/update-alternatives --quiet --install /usr/bin/e e /usr/bin/f 5; fi
update-alternatives --install $LINK name /usr/bin/g 5
update-alternatives --install /../etc/passwd name /usr/bin/g 5
update-alternatives --install /usr/bin/h ../../h /usr/bin/g 5
update-alternatives --remove e /usr/bin/f
`;
  expect(readAlternatives(script)).toEqual([
    {
      link: '/usr/lib/x86_64-linux-gnu/libblas.so.3',
      name: 'libblas.so.3-x86_64-linux-gnu',
      path: '/usr/lib/x86_64-linux-gnu/blas/libblas.so.3',
      priority: 10,
    },
    { link: '/usr/share/x', name: 'x', path: '/usr/share/y', priority: 10 },
    { link: '/usr/bin/e', name: 'e', path: '/usr/bin/f', priority: 5 },
  ]);
});

test("the status file keeps the image's packages, replaces newer ones and adds the rest as installed", () => {
  const status =
    'Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: l\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 1\n\n';
  const merged = mergeStatus(status, [
    'Package: l\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2\n',
    'Package: b\nVersion: 3\nDescription: x\n Package: y\n',
  ]);
  expect(merged).toBe(
    'Package: a\nStatus: install ok installed\nVersion: 1\n\n' +
      'Package: l\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2\n\n' +
      'Package: b\nStatus: install ok installed\nVersion: 3\nDescription: x\n Package: y\n',
  );
});

const NOTHING = {
  top: 'x',
  names: [],
  hasSetupPy: true,
  dynamic: [],
  licenceFiles: [],
  extensionSources: [],
  declaresExtension: false,
  requires: [],
  links: [],
  notes: [],
};

test('without a declared back end it is the legacy one of setuptools, which asks for wheel', () => {
  const backend = backEndOf(NOTHING);
  expect(backend).toEqual({ name: 'setuptools.build_meta:__legacy__', path: [], requires: ['setuptools'] });
  expect(asksForWheel(backend)).toBe(true);
  const declared = backEndOf({
    ...NOTHING,
    buildSystem: { backend: 'hatchling.build', backendPath: ['.'], requires: ['hatchling'] },
  });
  expect(declared).toEqual({ name: 'hatchling.build', path: ['.'], requires: ['hatchling'] });
  expect(asksForWheel(declared)).toBe(false);
});

test.each([
  ['2024-10-26T00:50:35Z', '1729903835'],
  [undefined, '315532800'],
  ['1970-01-02T00:00:00Z', '315532800'],
])('the epoch of a release uploaded at %s', (uploadedAt, epoch) => {
  const source = {
    filename: 'x.tar.gz',
    url: '',
    kind: 'sdist',
    ...(uploadedAt === undefined ? {} : { uploadedAt }),
  } as const;
  const recipe = { project: 'my-project', version: '1.2.0', source } as Recipe;
  const environment = buildEnvironment(recipe);
  expect(environment['SOURCE_DATE_EPOCH']).toBe(epoch);
  expect(environment['SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MY_PROJECT']).toBe('1.2.0');
  expect(environment['LDFLAGS']).toContain('--strip-all');
});
