import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RennetError } from '../model/errors.ts';
import { readCargoLock } from './cargo-lock.ts';

const SUM = '0123456789abcdef'.repeat(4);
const REGISTRY = 'registry+https://index.example.org/crates';
const entry = (fields: Readonly<Record<string, string>>): string =>
  `[[package]]\n${Object.entries({ name: 'curd', version: '1.0.0', source: REGISTRY, checksum: SUM, ...fields })
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('')}`;

test('crates with a checksum are pinned; those of git, and without one, are named; own crates are left out', () => {
  const git = entry({ name: 'whey', source: 'git+https://www.example.org/whey?branch=x#0123' });
  const text = `version = 4\n\n${entry({ version: '0.9.34+deprecated' })}\n${git}\n[[package]]\nname = "own"\nversion = "0.0.0"\n`;
  expect(readCargoLock(text, 'Cargo.lock')).toEqual({
    crates: [{ name: 'curd', version: '0.9.34+deprecated', source: REGISTRY, sha256: SUM }],
    unpinned: ['whey 1.0.0 from git+https://www.example.org/whey?branch=x#0123'],
  });
});

test('the first format of lock files has its checksums at the end', () => {
  const bare = entry({}).replace(/^checksum.*\n/m, '');
  const table = `[metadata]\n"checksum curd 1.0.0 (${REGISTRY})" = "${SUM}"\n`;
  expect(readCargoLock(`${bare}\n${table}`, 'Cargo.lock').crates).toEqual([
    { name: 'curd', version: '1.0.0', source: REGISTRY, sha256: SUM },
  ]);
  expect(readCargoLock(bare, 'Cargo.lock').unpinned).toEqual([`curd 1.0.0 from ${REGISTRY}`]);
});

test.each(['0.0.0', '18446744073709551615.10.0', '1.0.0-0.a.10.01a+001', '1.0.0--1+build.7'])(
  '%s is a version',
  (version) => {
    expect(readCargoLock(entry({ version }), 'Cargo.lock').crates).toHaveLength(1);
  },
);

test('one crate in several versions, or of several sources, is no twin', () => {
  const git = entry({ source: 'git+https://www.example.org/curd#0123' });
  expect(readCargoLock(`${entry({})}${entry({ version: '2.0.0' })}${git}`, 'Cargo.lock').crates).toHaveLength(2);
});

describe('refuses', () => {
  test.each([
    ['what is no TOML', '[[package]\nname', /'Cargo\.lock' is broken at line 1/],
    ['tables without end', `x = ${'['.repeat(100_000)}`, /'Cargo\.lock' is broken/],
    ['a name with a path', entry({ name: '../../etc' }), /'package\.0\.name'/],
    ['a name with a line', entry({ name: 'curd\n[x]' }), /'package\.0\.name'/],
    ['a version with a quote', entry({ version: '1.0.0"' }), /'package\.0\.version'/],
    ['a version with a path', entry({ version: '1.0.0-a/../b' }), /'package\.0\.version'/],
    ['a version with a leading zero', entry({ version: '01.0.0' }), /'package\.0\.version'/],
    ['a pre-release with a leading zero', entry({ version: '1.0.0-a.01' }), /'package\.0\.version'/],
    ['a number over 64 bits', entry({ version: '1.18446744073709551616.0' }), /'package\.0\.version': a number/],
    ['the same crate twice', entry({}).repeat(2), /'Cargo\.lock' has curd 1\.0\.0 twice/],
    ['a source with a line', entry({ source: `${REGISTRY}\n` }), /'package\.0\.source'/],
    ['a checksum that is none', entry({ checksum: 'ff' }), /'package\.0\.checksum'/],
    ['more crates than any release has', entry({}).repeat(2001), /'package'/],
  ])('%s', (_, text, message) => {
    expect(() => readCargoLock(text, 'Cargo.lock')).toThrow(message);
  });

  test('anything else with a sentence, never with an error of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          readCargoLock(text, 'Cargo.lock');
        } catch (error) {
          if (!(error instanceof RennetError)) throw error;
        }
      }),
    );
  });
});
