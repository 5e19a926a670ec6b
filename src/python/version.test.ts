import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Oracle, Question } from './testing/oracle.ts';
import { packagingOracle } from './testing/oracle.ts';
import { PAIRS, PAIRS_TIMEOUT, specifierText, versionText } from './testing/versions.ts';
import {
  canonicalVersion,
  compareVersions,
  isPrerelease,
  isSpecifier,
  parseSpecifier,
  specifierAccepts,
} from './version.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await packagingOracle();
}, 60_000);
afterAll(() => oracle.close());

/** Asks `packaging` the same questions and gives those where our answer is another one. */
async function differences(questions: Question[], ours: (question: never) => unknown): Promise<unknown[]> {
  const answers = await oracle.ask(questions);
  return questions.flatMap((question, index) => {
    const mine = ours(question as never);
    const theirs = answers[index]?.error ?? answers[index]?.value;
    return mine === theirs ? [] : [{ question, mine, theirs }];
  });
}

describe('versions', () => {
  test.each([
    ['1.0', '1.0'],
    ['v1.0-BETA', '1.0b0'],
    [' 1.0.0-1 ', '1.0.0.post1'],
    ['1!2.0-preview_3.REV4.Dev', '1!2.0rc3.post4.dev0'],
    ['01.002', '1.2'],
    ['20230101123456789012.1', '20230101123456789012.1'],
    ['1.0+ABC-1_x.007', '1.0+abc.1.x.7'],
    ['1.0+1e5', '1.0+1e5'],
    ['1.0+deadbeef.0x10', '1.0+deadbeef.0x10'],
  ])('%s is %s', (text, canonical) => expect(canonicalVersion(text)).toBe(canonical));

  test.each(['', '1.0.x', '1..0', 'latest', '1.0+', '1.0+a..b', '1.0 beta', '１.0', '1'.repeat(600), '1.0\n2'])(
    '%j is no version',
    (text) => expect(canonicalVersion(text)).toBeUndefined(),
  );

  test('normal form is that of packaging', { timeout: PAIRS_TIMEOUT }, async () => {
    const texts = fc.sample(versionText, PAIRS);
    const questions = texts.map((version) => ({ op: 'canonical' as const, version }));
    expect(
      await differences(questions, ({ version }: { version: string }) => canonicalVersion(version) ?? null),
    ).toEqual([]);
  });

  test('order is that of packaging', { timeout: PAIRS_TIMEOUT }, async () => {
    const pairs = fc.sample(fc.tuple(versionText, versionText), PAIRS);
    const questions = pairs.map(([a, b]) => ({ op: 'compare' as const, a, b }));
    expect(
      await differences(questions, ({ a, b }: { a: string; b: string }) => Math.sign(compareVersions(a, b))),
    ).toEqual([]);
  });

  test('pre-releases', () => {
    const versions = ['1.0', '1.0a1', '1.0.dev1', '1.0.post1', '1.0.post1.dev2', '1.0+a'];
    expect(versions.filter(isPrerelease)).toEqual(['1.0a1', '1.0.dev1', '1.0.post1.dev2']);
    expect(() => isPrerelease('x')).toThrow(expect.objectContaining({ code: 'bad-metadata' }));
  });
});

describe('specifiers', () => {
  test('accept what packaging accepts', { timeout: PAIRS_TIMEOUT }, async () => {
    const prereleases = fc.constantFrom(undefined, true, false);
    const draws = fc.sample(fc.tuple(specifierText, versionText, prereleases), PAIRS);
    const questions = draws.map(([specifier, version, pre]) => ({
      op: 'contains' as const,
      specifier,
      version,
      ...(pre !== undefined && { prereleases: pre }),
    }));
    const both = await oracle.ask(questions);
    expect(both.filter(({ value }) => value === true).length).toBeGreaterThan(PAIRS / 10);
    expect(both.filter(({ value }) => value === false).length).toBeGreaterThan(PAIRS / 10);
    expect(
      await differences(questions, (q: { specifier: string; version: string; prereleases?: boolean }) =>
        specifierAccepts(q.specifier, q.version, q),
      ),
    ).toEqual([]);
  });

  // Chosen to fail with Debian's packaging 23.0 or with the npm library.
  test.each([
    ['>1.0', '1.0.post1', false],
    ['>1.0', '1.0+local', false],
    ['>1.0.post1', '1.0.post2', true],
    ['>1.0.dev1', '1.0', true],
    ['>1.0a1', '1.0a1.post1', false],
    ['<1.0', '1.0rc1', false],
    ['<1.0rc1', '1.0b1', true],
    ['<1.0.post1', '1.0.post1.dev1', false],
    ['==1.0.*', '1', true],
    ['==1.0', '1.0+local', true],
    ['==1.0+local', '1.0', false],
    ['<=1.0', '1.0+local', true],
    ['~=1.4.5', '1.4.9', true],
    ['~=1.4.5', '1.5', false],
    ['===1.0', '1.0.0', false],
    ['===1.0.FOO', '1.0.foo', true],
    ['', 'not a version', true],
    ['>=1', 'not a version', false],
    ['>=1,<2', '1.5a1', true],
  ])('%s accepts %s: %s', async (specifier, version, accepted) => {
    expect(specifierAccepts(specifier, version)).toBe(accepted);
    expect(await oracle.ask([{ op: 'contains', specifier, version }])).toEqual([{ value: accepted }]);
  });

  test.each(['1.0', '>=1.0.*', '~=1', '==1.0a1.*', '==1.0+l.*', '>1.0+local', '=>1', '>= 1.0 2', '>=', '>=1;', '>dev'])(
    '%s is none',
    async (text) => {
      expect(isSpecifier(text)).toBe(false);
      expect(() => parseSpecifier(text)).toThrow(expect.objectContaining({ code: 'bad-specifier' }));
      expect(await oracle.ask([{ op: 'contains', specifier: text, version: '1' }])).toEqual([
        { error: 'InvalidSpecifier' },
      ]);
    },
  );

  test('are split in the order written', () => {
    expect(parseSpecifier(' >= 1.0, <2 ,!=1.5.* ,')).toEqual([
      { operator: '>=', version: '1.0', wildcard: false },
      { operator: '<', version: '2', wildcard: false },
      { operator: '!=', version: '1.5.*', wildcard: true },
    ]);
  });
});
