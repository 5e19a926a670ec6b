import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDebianVersions, isDebianVersion } from './version.ts';

/** Random pairs; `RENNET_PAIRS=100000 vitest run src/debian/version.test.ts` is the long proof (a dpkg process a pair). */
const PAIRS = Number(process.env['RENNET_PAIRS'] ?? 300);
/** A dpkg process a pair takes some milliseconds on a busy machine. */
const LONG = { timeout: 20_000 + PAIRS * 10 };

const characters = (allowed: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...allowed.split('')), maxLength });
/** Few different characters, so that common prefixes and near misses are frequent. */
const versionText = fc
  .record({
    epoch: fc.constantFrom('', '', '0:', '1:', '01:', '12:'),
    upstream: fc.oneof(
      characters('01aZ.+~-', 8),
      characters('0129azAZ.+~', 12),
      fc.constantFrom('1.0', '1.00', '1.0~~', '1.0+post~'),
    ),
    revision: fc.oneof(
      fc.constant(''),
      characters('01a~+.', 4).map((text) => `-0${text}`),
    ),
    large: fc.boolean(),
  })
  .map(
    ({ epoch, upstream, revision, large }) =>
      `${epoch}${large ? '20261231235959999999999' : '1'}${upstream}${revision}`,
  );
/** Pairs that differ in little. */
const pair = fc.oneof(
  fc.tuple(versionText, versionText),
  fc.tuple(versionText, characters('0~+.a', 3)).map(([text, more]): [string, string] => [text, text + more]),
);

describe('compareDebianVersions', () => {
  test('orders random pairs as dpkg does', LONG, () => {
    const pairs = fc.sample(pair, PAIRS).filter(([a, b]) => isDebianVersion(a) && isDebianVersion(b));
    expect(pairs.length).toBeGreaterThan(PAIRS / 2);
    const claims = pairs.map(([a, b]) => [a, ['lt', 'eq', 'gt'][compareDebianVersions(a, b) + 1], b].join(' '));
    expect(refutedByDpkg(claims)).toEqual([]);
  });

  test('the check itself finds a wrong claim', () => {
    expect(refutedByDpkg(['1.0 lt 1.0~rc1', '1.0~rc1 lt 1.0'])).toEqual(['1.0 lt 1.0~rc1']);
  });

  test('is an order: reversed arguments, reversed answer', () => {
    fc.assert(
      fc.property(versionText, versionText, (a, b) => {
        expect(compareDebianVersions(a, b) + compareDebianVersions(b, a)).toBe(0);
      }),
    );
  });

  test('never throws and ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect([-1, 0, 1]).toContain(compareDebianVersions(a, b));
      }),
    );
  });
});

describe('isDebianVersion', () => {
  test.each(['1', '0', '1:1.0-1', '1.0-1-2', '2:1:0-1', '2147483647:1', '1.0+dfsg-1~bpo12+1', '6.3-0~pypi1~deb12'])(
    'takes %s',
    (text) => expect(isDebianVersion(text)).toBe(true),
  );
  test.each([
    '',
    'a1',
    '1.0-',
    '-1',
    ':1',
    '1:',
    'x:1',
    '2147483648:1',
    '1_0',
    '1 0',
    '1.0-1:2',
    '1\n',
    'ä',
    '1.0-a_b',
    '1:a',
    '+1:1',
  ])('refuses %j', (text) => expect(isDebianVersion(text)).toBe(false));
  test('agrees with dpkg on random texts', LONG, () => {
    const texts = fc.sample(characters('01:-a.~_', 6), PAIRS / 3).filter((text) => text !== '' && text !== '-');
    const silent = new Set(acceptedByDpkg(texts));
    for (const text of texts) expect(`${text} ${isDebianVersion(text)}`).toBe(`${text} ${silent.has(text)}`);
  });
});

/** Each claim is `A OP B`; one shell asks dpkg for all. */
function refutedByDpkg(claims: readonly string[]): string[] {
  return shell('while read -r a op b; do dpkg --compare-versions "$a" "$op" "$b" || echo "$a $op $b"; done', claims);
}

function acceptedByDpkg(texts: readonly string[]): string[] {
  return shell(
    'while read -r a; do e=$(dpkg --validate-version "$a" 2>&1) && [ -z "$e" ] && echo "$a"; done; true',
    texts,
  );
}

function shell(script: string, lines: readonly string[]): string[] {
  const { status, stdout } = spawnSync('sh', ['-c', script], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  expect(status).toBe(0);
  return stdout.split('\n').filter((line) => line !== '');
}
