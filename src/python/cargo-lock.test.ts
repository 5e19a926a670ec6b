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

describe('refuses', () => {
  test.each([
    ['what is no TOML', '[[package]\nname', /'Cargo\.lock' is broken at line 1/],
    ['tables without end', `x = ${'['.repeat(100_000)}`, /'Cargo\.lock' is broken/],
    ['a name with a path', entry({ name: '../../etc' }), /'package\.0\.name'/],
    ['a name with a line', entry({ name: 'curd\n[x]' }), /'package\.0\.name'/],
    ['a version with a quote', entry({ version: '1.0.0"' }), /'package\.0\.version'/],
    ['a version with a path', entry({ version: '1.0.0-a/../b' }), /'package\.0\.version'/],
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
