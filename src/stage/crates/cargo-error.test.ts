import { expect, test } from 'vitest';
import { notFetched } from './cargo-error.ts';

const crate = { name: 'curd', version: '1.0.0', source: 'registry+https://index.example.org', sha256: '0'.repeat(64) };
const because = (...causes: readonly string[]): string =>
  `    Updating index\nerror: ${causes.join('\n\nCaused by:\n  ')}`;
const GET = 'failed to get `curd` as a dependency of package `rennet-inputs v0.0.0 (/x)`';
const QUERY = 'failed to query replaced source registry `crates-io`';

test.each([
  ['no such version', because('failed to select a version for the requirement `curd = "=7.0.0"`')],
  ['a lock it cannot read', because('failed to parse lock file at: /x/Cargo.lock', 'value of major version number')],
  [
    'a twin',
    because('failed to parse lock file at: /x/Cargo.lock', 'package `curd` is specified twice in the lockfile'),
  ],
  [
    'a manifest with words of the network',
    because('failed to parse manifest at `/x`', '3 | "network error: curl [7] C"'),
  ],
  ['a crate named like trouble', because('package `timeout v1.0.0` links to the native library `curl`')],
  [
    'a file that is gone',
    because('failed to download from `https://x`', 'failed to get successful HTTP response, got 404'),
  ],
  ['anything else', because('something of a later cargo')],
])('%s is the fault of the package', (_, said) => {
  expect(notFetched(crate, { ok: false, status: 101, said })).toMatchObject({ code: 'bad-metadata', kind: 'package' });
});

test('cargo that took another crate is the fault of the package', () => {
  expect(notFetched(crate, { ok: true, status: 0, said: '' }).code).toBe('bad-metadata');
});

test.each([
  [
    'a registry that is away',
    101,
    because(GET, QUERY, 'download of config.json failed', '[7] Could not connect to server'),
  ],
  [
    'a name that does not resolve',
    101,
    because('failed to download from `http://x`', '[6] Could not resolve hostname'),
  ],
  [
    'a registry that fails',
    101,
    because('failed to download from `x`', 'failed to get successful HTTP response, got 503'),
  ],
  ['a full disk', 101, because('failed to unpack package `curd`', 'No space left on device (os error 28)')],
  ['a time limit', undefined, '    Updating index'],
  ['a rustup without a toolchain', 1, 'error: rustup could not choose a version of cargo to run'],
])('%s is not', (_, status, said) => {
  expect(notFetched(crate, { ok: false, status, said })).toMatchObject({ code: 'index-unreachable' });
});
