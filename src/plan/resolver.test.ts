import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRelation, satisfies } from '../debian/relation.ts';
import { upstreamOf } from './official.ts';
import { pythonFits, pythonRelations } from './python-bounds.ts';
import { resolver } from './resolver.ts';
import { archiveOf, BOOKWORM } from './testing/recorded.ts';

const ARCHIVE = archiveOf(
  [
    { project: 'wcwidth', packageVersion: '0.2.5+dfsg1-1.1', upstreamVersion: '0.2.5' },
    { project: 'zeros', packageVersion: '2:1.4.2+ds-3', upstreamVersion: '0.0.0' },
    { project: 'many', package: 'python3-many-old', packageVersion: '1.0-1', upstreamVersion: '1.0' },
    { project: 'many', package: 'python3-many-new', packageVersion: '2.0-1', upstreamVersion: '2.0' },
  ],
  ['python3-taken'],
);
const PUBLISHED = [{ package: 'python3-ours', project: 'ours', upstream: '1.0', version: '1.0-0~pypi1~deb12' }];
const resolve = resolver(ARCHIVE, PUBLISHED, BOOKWORM, { project: 'Self', version: '1.0' });

test.each([
  ['wcwidth', 'translated', 'python3-wcwidth'],
  ['wcwidth>=0.2', 'translated', 'python3-wcwidth (>= 0.2'],
  ['WcWidth ; python_version < "3.12"', 'translated', 'python3-wcwidth'],
  ['wcwidth!=0.2.4', 'approximated', '!=0.2.4 has no Debian form and was checked against 0.2.5'],
  ['wcwidth[fast]', 'approximated', 'extra fast of wcwidth'],
  ['zeros>=1.4', 'translated', 'python3-zeros (>= 2:1.4'],
  ['many>=2', 'translated', 'python3-many-new'],
  ['many<2', 'translated', 'python3-many-old'],
  ['argparse', 'interpreter', 'part of Python 3.11'],
  ['colorama; sys_platform == "win32"', 'not-for-target', 'bookworm/amd64'],
  ['pytest; extra == "test"', 'left-out', 'only for the extra test'],
  ['pytest; extra == "other"', 'not-for-target', 'marker'],
  ['wcwidth>=1', 'unsatisfiable', 'bookworm has 0.2.5'],
  ['wcwidth!=0.2.5', 'unsatisfiable', 'bookworm has 0.2.5'],
  ['nowhere', 'unsatisfiable', 'bookworm has no package of it'],
  ['ours>=1,<2', 'translated', 'python3-ours (>= 1.0-0~), python3-ours (<< 2.0~~)'],
  ['ours[fast]', 'approximated', 'extra fast of ours'],
  ['ours!=0.9', 'approximated', '!=0.9 has no Debian form and was checked against 1.0'],
  ['ours>=1.0.1', 'unsatisfiable', 'Rennet has 1.0 (python3-ours 1.0-0~pypi1~deb12)'],
  ['taken', 'unsatisfiable', 'python3-taken 1.0-1 that is not known to be this project'],
  ['wcwidth @ https://files.example.org/w.zip', 'unsatisfiable', 'address'],
  ['self>=2', 'unsatisfiable', 'self>=2 is required by self 1.0 itself'],
  ['not a requirement!', 'unsatisfiable', 'cannot be read'],
  ['x; sys_platform ~= "linux"', 'unsatisfiable', 'cannot be read'],
  ['x (==0.5.); sys_platform == "linux"', 'unsatisfiable', 'cannot be read'],
  ['x (==0.5.); sys_platform == "win32"', 'not-for-target', 'its marker is false on bookworm/amd64; it cannot be read'],
])('%s is %s', (text, fate, part) => {
  const { met, unmet, ledger } = resolve([text], ['test']);
  expect(ledger[0]).toEqual({ kind: 'requirement', fact: text, fate, detail: expect.stringContaining(part) });
  expect(unmet).toHaveLength(fate === 'unsatisfiable' ? 1 : 0);
  expect(met).toHaveLength(['translated', 'approximated', 'interpreter'].includes(fate) ? 1 : 0);
});

test('extras of its own are met by itself and by what they bring, however they name one another', () => {
  const requirements = [
    'self[all]>=1',
    'wcwidth; extra == "a"',
    'self[a,b]; extra == "all"',
    'self[all]; extra == "b"',
  ];
  const { met, unmet, ledger } = resolve(requirements, ['all', 'a', 'b']);
  expect(unmet).toEqual([]);
  expect(met.map(({ project }) => project)).toEqual(['wcwidth']);
  expect(ledger[0]).toMatchObject({ fate: 'translated', detail: expect.stringContaining('python3-wcwidth') });
});

test('what meets a requirement is told in full', () => {
  expect(resolve(['wcwidth>=0.2.1'], []).met).toEqual([
    {
      requirement: 'wcwidth>=0.2.1',
      project: 'wcwidth',
      by: 'official',
      package: 'python3-wcwidth',
      packageVersion: '0.2.5+dfsg1-1.1',
      version: '0.2.5',
      relations: [expect.stringMatching(/^python3-wcwidth \(>= 0\.2\.1/)],
    },
  ]);
});

test('an extra names what the suite has for it', () => {
  const { ledger } = resolve(['wcwidth; extra == "Wide_Chars"', 'nowhere; extra == "wide-chars"'], ['wide.chars']);
  expect(ledger[2]).toEqual({
    kind: 'extra',
    fact: 'wide.chars',
    fate: 'left-out',
    detail: 'optional, no dependency; bookworm has for it: python3-wcwidth',
  });
});

const NAME = fc.constantFrom('wcwidth', 'zeros', 'many', 'argparse', 'ours', 'self', 'nowhere', 'a.B_c');
const SPECIFIER = fc
  .tuple(
    fc.constantFrom('>=', '<=', '<', '>', '!=', '==', '~='),
    fc.constantFrom('0.2', '0.2.5', '1.4.2', '2.0', '1.0rc1'),
  )
  .map((parts) => parts.join(''));
const MARKER = fc.constantFrom(
  '',
  '; python_version >= "3.8"',
  '; os_name == "nt"',
  "; extra == 'a'",
  "; extra == 'b' and os_name == 'nt'",
);
const REQUIREMENT = fc.oneof(
  fc
    .tuple(NAME, fc.constantFrom('', '[x]'), fc.oneof(fc.constant(''), SPECIFIER), MARKER)
    .map((parts) => parts.join('')),
  fc.string(),
);

test('every requirement and extra gets exactly one line; unmet ones exactly are unsatisfiable; relations hold', () => {
  const extra = fc.constantFrom('a', 'b', 'C_d');
  fc.assert(
    fc.property(fc.array(REQUIREMENT), fc.uniqueArray(extra), (requirements, extras) => {
      const { met, unmet, ledger } = resolve(requirements, extras);
      expect(ledger.map(({ kind, fact }) => `${kind} ${fact}`)).toEqual([
        ...requirements.map((text) => `requirement ${text}`),
        ...extras.map((name) => `extra ${name}`),
      ]);
      expect(ledger.filter(({ fate }) => fate === 'unsatisfiable').map(({ fact }) => fact)).toEqual(
        unmet.map(({ requirement }) => requirement),
      );
      for (const line of ledger) expect(line.detail).toMatch(/^[\x20-\x7e]+$/);
      for (const { relations, packageVersion, by } of met) {
        if (by === 'interpreter') continue;
        expect(relations.length).toBeGreaterThan(0);
        for (const relation of relations) expect(satisfies(parseRelation(relation), packageVersion)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['0.2.5', '0.2.5+dfsg1-1.1', '0.2.5'],
  ['0.0.0', '2:1.4.2+ds-3', '1.4.2'],
  ['0.0.0', '1.4~rc2-1', '1.4rc2'],
  ['0.0.0', '5.0+really4.8.1-2', '4.8.1'],
  ['0+unknown', '20230101-1', '20230101'],
  ['unknown', '1.2.3-1', '1.2.3'],
  ['unknown', 'git2020-1', undefined],
  ['1.0', '3.7-1', '1.0'],
])('dist-info %s of package version %s is upstream %s', (upstreamVersion, packageVersion, upstream) => {
  expect(upstreamOf({ project: 'x', package: 'python3-x', architecture: 'all', upstreamVersion, packageVersion })).toBe(
    upstream,
  );
});

test.each([
  ['>=3.8', ['python3:any (>= 3.8-0~)'], []],
  ['>=3.9,<4', ['python3:any (>= 3.9-0~)', 'python3:any (<< 4.0~~)'], []],
  ['>=3.6,!=3.8.*,<3.12', ['python3:any (>= 3.6-0~)', 'python3:any (<< 3.12~~)'], ['!=3.8.*']],
  ['==3.11.*', ['python3:any (>= 3.11~~)', 'python3:any (<< 3.12~~)'], []],
  ['~=3.10', ['python3:any (>= 3.10-0~)', 'python3:any (<< 4~~)'], []],
  ['<3', [], ['python3:any (<< 3.0~~)']],
  ['nonsense', [], []],
  ['', [], []],
  [undefined, [], []],
])('Requires-Python %j bounds python3', (requiresPython, relations, approximated) => {
  expect(pythonRelations(requiresPython, BOOKWORM)).toEqual({ relations, approximated });
});

test('Requires-Python is compared with the full version; nonsense binds nobody, as with pip', () => {
  expect(pythonFits('>=3.11.2', BOOKWORM)).toBe(true);
  expect(pythonFits('<=3.11', BOOKWORM)).toBe(false);
  expect(pythonFits('>=3.6.*', BOOKWORM)).toBe(true);
  expect(pythonFits('>3.10', { ...BOOKWORM, pythonFull: '3.11.2+' })).toBe(true);
});
