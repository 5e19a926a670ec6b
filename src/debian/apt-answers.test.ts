import { expect, test } from 'vitest';
import { parsePrintUris, unmetSentence } from './apt-closure.ts';
import { renderAptConfig } from './apt-config.ts';
import { downloadPercent } from './apt-run.ts';
import { updateFailure } from './apt-update.ts';

const HASH = 'a'.repeat(64);

test('--print-uris: epoch and plus signs are decoded, other lines are skipped', () => {
  const text = [
    'Reading package lists...',
    `'http://m.example.org/debian/pool/main/n/numpy/python3-numpy_1.24.2-1%2bdeb12u1_amd64.deb' python3-numpy_1%3a1.24.2-1+deb12u1_amd64.deb 4959648 SHA256:${HASH}`,
    `'http://m.example.org/x.deb' x_1_all.deb 1 MD5Sum:abc`,
  ].join('\n');
  expect(parsePrintUris(text)).toEqual([
    {
      package: 'python3-numpy',
      version: '1:1.24.2-1+deb12u1',
      architecture: 'amd64',
      filename: 'pool/main/n/numpy/python3-numpy_1.24.2-1+deb12u1_amd64.deb',
      uri: 'http://m.example.org/debian/pool/main/n/numpy/python3-numpy_1.24.2-1%2bdeb12u1_amd64.deb',
      sha256: HASH,
      bytes: 4959648,
    },
  ]);
});

test("apt's explanation becomes one sentence", () => {
  const output =
    'The following packages have unmet dependencies:\n satisfy:command-line : Depends: nosuch but it is not installable\nE: Unable';
  expect(unmetSentence(output)).toBe('Depends: nosuch but it is not installable.');
  expect(unmetSentence('E: something else')).toBeUndefined();
});

test.each([
  ['bad-signature', 'The repository x is not signed.'],
  ['bad-signature', 'GPG error: http://m.example.org bookworm InRelease: NO_PUBKEY 6ED0E7B82643E131'],
  ['bad-target', "The repository 'http://m.example.org/debian nosuch Release' does not have a Release file."],
  ['mirror-failed', "Failed to fetch http://m.example.org Could not resolve 'm.example.org'"],
  ['no-space', 'Write error - write (28: No space left on device)'],
])('an update failure is classed %s', (code, line) => {
  const failure = updateFailure('bookworm/amd64', [line]);
  expect(failure.code).toBe(code);
  expect(failure.message).toContain('bookworm/amd64');
});

test('a mirror that cannot be reached is no wrong target', () => {
  const lines = ["The repository 'x' does not have a Release file.", "Could not resolve 'm.example.org'"];
  expect(updateFailure('bookworm/amd64', lines).code).toBe('mirror-failed');
});

test("the private configuration keeps the host's proxy and drops its index targets and hooks' switches", () => {
  const dump = [
    'Acquire::http::Proxy "http://proxy.example.org:3128";',
    'Acquire::GzipIndexes "true";',
    'Acquire::IndexTargets::deb::DEP-11::MetaKey "x";',
    'Acquire::Languages:: "de";',
  ].join('\n');
  const config = renderAptConfig({ suite: 'bookworm', architecture: 'amd64' }, '/state/apt/x', dump);
  expect(config).toContain('Acquire::http::Proxy "http://proxy.example.org:3128";');
  expect(config).not.toMatch(/DEP-11|Languages:: "de"|GzipIndexes "true"/);
  expect(config).toContain('Dir::Etc::parts "/dev/null";');
  expect(config).toContain('Dir::Cache::pkgcache "pkgcache.bin";');
});

test('download progress is read from the status lines', () => {
  expect(downloadPercent('dlstatus:1:12.5:Retrieving file 1 of 2')).toBe(12.5);
  expect(downloadPercent('pmstatus:x:1:y')).toBeUndefined();
});
