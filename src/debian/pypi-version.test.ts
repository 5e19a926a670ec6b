import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Oracle, type Question, packagingOracle } from '../python/testing/oracle.ts';
import { debianUpstream, debianVersion, officialRelations, relationsFor } from './pypi-version.ts';
import { parseRelation, satisfies } from './relation.ts';
import { compareDebianVersions, isDebianVersion } from './version.ts';

/** Random pairs a property; `RENNET_PAIRS=100000 vitest run src/debian/pypi-version.test.ts` is the long proof. */
const PAIRS = Number(process.env['RENNET_PAIRS'] ?? 3000);

let oracle: Oracle;
beforeAll(async () => {
  oracle = await packagingOracle();
}, 60_000);
afterAll(() => oracle.close());

const small = fc.constantFrom('0', '1', '2', '9', '10', '20230101123456789012');
const optional = (part: fc.Arbitrary<string>) => fc.oneof({ weight: 2, arbitrary: fc.constant('') }, part);
const release = fc.oneof(
  fc.constantFrom('1', '1.0', '1.0.0', '1.0.1', '1.1', '1.0.0.1', '2', '0', '0.0'),
  fc.array(small, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
);
const joined = (parts: readonly string[]): string => parts.join('');
/** Public versions without epoch in many spellings, close to one another. */
const version = fc
  .tuple(
    fc.constantFrom('', '', 'v'),
    release,
    optional(
      fc
        .tuple(fc.constantFrom('a', '-beta', 'rc', '.c', 'pre', '_preview'), fc.constantFrom('', '0', '1', '02'))
        .map(joined),
    ),
    optional(fc.constantFrom('.post0', '.post1', '-1', 'rev2', '.post', 'r10')),
    optional(fc.constantFrom('.dev0', 'dev1', '-DEV', '.dev10')),
  )
  .map(joined);
const clause = fc.oneof(
  fc.tuple(fc.constantFrom('>=', '<=', '<', '>', '=='), version).map(joined),
  fc.tuple(release, fc.constant('.*')).map(([x, star]) => `==${x}${star}`),
  fc
    .tuple(fc.constantFrom('1', '1.0', '0.0', '2.10'), version)
    .map(([lead, rest]) => `~=${lead}.${rest.replace(/^v/, '')}`),
);
const specifier = fc.array(clause, { maxLength: 3 }).map((clauses) => clauses.join(', '));

describe('debianVersion', () => {
  test.each([
    ['6.3.1', '6.3.1-0~pypi1~deb12'],
    ['6.3.0', '6.3-0~pypi1~deb12'],
    ['2', '2.0-0~pypi1~deb12'],
    ['1.0.0rc1', '1.0~rc1-0~pypi1~deb12'],
    ['1.0.dev3', '1.0~~dev3-0~pypi1~deb12'],
    ['1.0a1.dev3', '1.0~a1~dev3-0~pypi1~deb12'],
    ['1.0.post2.dev3', '1.0+post2~dev3-0~pypi1~deb12'],
    ['V01.002-1', '1.2+post1-0~pypi1~deb12'],
  ])('%s is %s', (text, debian) => expect(debianVersion(text, 'deb12')).toBe(debian));

  test('sorts below revisions of the distribution, above earlier builds, and by suite', () => {
    const own = debianVersion('1.5', 'deb12', 2);
    for (const above of ['1.5-1', '1.5-0ubuntu1', '1.5-1~bpo12+1', '1.5+dfsg-1', debianVersion('1.5', 'deb13', 2)])
      expect(compareDebianVersions(own, above)).toBe(-1);
    expect(compareDebianVersions(own, debianVersion('1.5', 'deb12', 1))).toBe(1);
    expect(compareDebianVersions(own, debianVersion('1.5rc1', 'deb12', 9))).toBe(1);
  });

  test.each(['1.0+local', '1!2.0', 'latest', '', '1.0 2', '1.0\n2', '1.0;rm'])('%j has no Debian form', (text) =>
    expect(() => debianUpstream(text)).toThrow(/no Debian form/),
  );

  test('orders as PEP 440 does', async () => {
    const questions = fc.sample(fc.tuple(version, version), PAIRS).map(([a, b]) => ({ op: 'compare' as const, a, b }));
    const answers = await oracle.ask(questions);
    const ours = questions.map(({ a, b }) =>
      compareDebianVersions(debianVersion(a, 'deb12'), debianVersion(b, 'deb12')),
    );
    const wrong = questions.flatMap((question, index) => (answers[index]?.value === ours[index] ? [] : [question]));
    expect(wrong).toEqual([]);
    expect(new Set(ours)).toEqual(new Set([-1, 0, 1]));
  });
});

describe('relationsFor', () => {
  test.each([
    ['', ['python3-x'], []],
    ['>=1.0', ['python3-x (>= 1.0-0~)'], []],
    ['<2', ['python3-x (<< 2.0~~)'], []],
    ['~=1.4.2', ['python3-x (>= 1.4.2-0~)', 'python3-x (<< 1.5~~)'], []],
    ['==1.4.*,!=1.4.7', ['python3-x (>= 1.4~~)', 'python3-x (<< 1.5~~)'], ['!=1.4.7']],
    ['!=1.*', ['python3-x'], ['!=1.*']],
    ['===1.5', ['python3-x (>= 1.5-0~)', 'python3-x (<< 1.5+post~)'], []],
  ])('%j', (text, relations, approximated) =>
    expect(relationsFor(text, 'python3-x')).toEqual({ relations, approximated }),
  );

  test.each(['1.0', '>=', '=>1', '>=1.*', '~=1', '==1.0rc1.*', '>=1 0'])('%j is no specifier', (text) =>
    expect(() => relationsFor(text, 'python3-x')).toThrow(),
  );

  test('apt takes exactly what packaging takes, pre-releases allowed', async () => {
    const draws = fc.sample(fc.tuple(specifier, version), PAIRS);
    const questions = draws.map(
      ([text, candidate]): Question => ({ op: 'contains', specifier: text, version: candidate, prereleases: true }),
    );
    const answers = await oracle.ask(questions);
    const ours = draws.map(([text, candidate]) =>
      accepts(relationsFor(text, 'python3-x').relations, debianVersion(candidate, 'deb12')),
    );
    const wrong = draws.flatMap((draw, index) =>
      answers[index]?.value === ours[index] ? [] : [[...draw, answers[index], ours[index]]],
    );
    expect(wrong).toEqual([]);
    expect(new Set(ours)).toEqual(new Set([true, false]));
  });
});

describe('officialRelations', () => {
  test.each([
    ['>=2.3,<3', '1:2.3.0+dfsg-2', '2.3.0', ['python3-x (>= 1:2.3-0~)', 'python3-x (<< 1:3~~)']],
    ['==2.3', '2.3.0-1', '2.3.0', ['python3-x (>= 2.3-0~)', 'python3-x (<< 2.3.0.~)']],
    ['>=2.3', '2.3~ds1-1', '2.3', ['python3-x (>= 2.3~ds-0~)']],
    ['>=7.0,<=7.0', '7-1', '7', ['python3-x (>= 7-0~)', 'python3-x (<< 7.~)']],
    ['>1.0', '1.0.1-1', '1.0.1', ['python3-x (>> 1.0.0.~)']],
    ['>=1.0rc1', '1.0~rc2-1', '1.0rc2', ['python3-x (>= 1.0~rc1-0~)']],
    ['>=1.0.post1', '1.0.post2-1', '1.0.post2', ['python3-x (>= 1.0.post1-0~)']],
    ['~=2.3', '2.4+git20230101.abcdef-1', '2.4', ['python3-x (>= 2.3-0~)', 'python3-x (<< 3~~)']],
    ['', '1.0-1', '1.0', ['python3-x']],
  ])('%s on %s', (text, debian, upstream, relations) =>
    expect(officialRelations(text, { package: 'python3-x', version: debian, upstream })).toEqual({
      relations,
      approximated: [],
    }),
  );

  test.each([
    ['>=1.4,<2', '2.0+really1.5-1', '1.5'],
    ['>=1.4', '1.2+git2023-1', '1.4.dev3'],
    ['>=0.4', '20230101-1', '0.5'],
    ['>=4', 'not-a-version', '4.1'],
  ])('%s on %s, which does not say its upstream version %s: name only, told', (text, debian, upstream) =>
    expect(officialRelations(text, { package: 'python3-x', version: debian, upstream })).toEqual({
      relations: ['python3-x'],
      approximated: text.split(','),
    }),
  );

  test('whatever packaging accepts, its relations accept too, in every official form', async () => {
    const form = fc.record({
      epoch: fc.constantFrom('', '1:'),
      suffix: fc.constantFrom('', '', '+dfsg', '+ds1', '~ds', '+repack', '.dfsg', '+git20230101', '+dfsg.1'),
      post: fc.constantFrom('+post', '.post'),
    });
    const draws = fc
      .sample(fc.tuple(specifier, version, form), PAIRS)
      .map(([text, upstream, { epoch, suffix, post }]) => {
        const plain = debianUpstream(upstream).replace('+post', post);
        return { text, upstream, version: `${epoch}${plain}${suffix}-1` };
      });
    const answers = await oracle.ask(
      draws.map(({ text, upstream }) => ({ op: 'contains', specifier: text, version: upstream, prereleases: true })),
    );
    const accepted = draws.filter((_, index) => answers[index]?.value === true);
    expect(accepted.length).toBeGreaterThan(PAIRS / 10);
    let exact = 0;
    for (const draw of accepted) {
      expect(isDebianVersion(draw.version)).toBe(true);
      const { relations, approximated } = officialRelations(draw.text, { package: 'python3-x', ...draw });
      expect(accepts(relations, draw.version), `${draw.text} on ${draw.version}`).toBe(true);
      if (approximated.length === 0) exact += 1;
    }
    expect(exact / accepted.length).toBeGreaterThan(0.85);
  });
});

function accepts(relations: readonly string[], candidate: string): boolean {
  return relations.every((relation) => satisfies(parseRelation(relation), candidate));
}
