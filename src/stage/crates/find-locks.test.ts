import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildSdist, buildTarGz } from '../../python/testing/tars.ts';
import { findCargoLocks } from './find-locks.ts';

const signal = new AbortController().signal;
const OWN = '[[package]]\nname = "curd"\nversion = "1.0.0"\n';
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-locks-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function find(files: Readonly<Record<string, string>>): ReturnType<typeof findCargoLocks> {
  const path = join(folder, 'curd-1.0.tar.gz');
  await writeFile(path, buildSdist('curd-1.0', files));
  return findCargoLocks(path, signal);
}

test('locks of the release count, those of its tests, examples and vendored crates do not', async () => {
  const aside = {
    'tests/Cargo.lock': 'x',
    'a/fuzz/Cargo.lock': 'x',
    'vendor/b/Cargo.lock': 'x',
    'Cargo.lock.orig': 'x',
  };
  expect(await find({ 'Cargo.lock': OWN, 'native/Cargo.lock': OWN, ...aside })).toHaveLength(2);
});

test('a link called Cargo.lock is none', async () => {
  const path = join(folder, 'link.tar.gz');
  await writeFile(path, buildTarGz([{ name: 'curd-1.0/Cargo.lock', type: '2', target: '../../../etc/passwd' }]));
  expect(await findCargoLocks(path, signal)).toEqual([]);
});

test('a lock of 20 MB is not read', async () => {
  // Packs badly enough for the bound on bombs.
  const lock = Array.from({ length: 312_500 }, (_, index) => `# ${Math.imul(index, 2654435761)}`.padEnd(63)).join('\n');
  await expect(find({ 'Cargo.lock': lock })).rejects.toMatchObject({
    code: 'bad-metadata',
    message: expect.stringMatching(/^'curd-1\.0\/Cargo\.lock' has 19999999 bytes, and the most/),
  });
});

test.each([['a lock that is no TOML', { 'Cargo.lock': '{ "packages": [] }' }, /broken at line 1/]])(
  '%s',
  async (_, files, message) => {
    await expect(find(files)).rejects.toMatchObject({ code: 'bad-metadata', message: expect.stringMatching(message) });
  },
);

test('of many locks the nearest to the top are read: crates that come along bring their own', async () => {
  const deep = Object.fromEntries(
    'abcdefghijkl'.split('').map((name) => [`include/cargo/${name}/Cargo.lock`, '{ broken']),
  );
  const near = Object.fromEntries('abcdefg'.split('').map((name) => [`${name}/Cargo.lock`, OWN]));
  expect(await find({ ...deep, 'Cargo.lock': OWN, ...near })).toHaveLength(8);
});
