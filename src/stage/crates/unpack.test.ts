import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildTarGz } from '../../python/testing/tars.ts';
import { unpackCrate } from './unpack.ts';

const crate = { name: 'curd', version: '1.0.0', source: 'registry+https://index.example.org', sha256: '0'.repeat(64) };
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-unpack-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function unpack(...names: readonly string[]): Promise<string[]> {
  const path = join(folder, 'curd.crate');
  await writeFile(
    path,
    buildTarGz(names.map((name) => ({ name: 'x', pax: { path: `curd-1.0.0${name}` }, content: 'x' }))),
  );
  await unpackCrate(path, crate, join(folder, 'out'), new AbortController().signal);
  return (await readdir(join(folder, 'out'), { recursive: true })).toSorted();
}

test("files become a folder with a list of ours; cargo's own notes of it are left out", async () => {
  const made = ['curd-1.0.0', 'curd-1.0.0/.cargo-checksum.json', 'curd-1.0.0/src', 'curd-1.0.0/src/lib.rs'];
  expect(await unpack('/src/lib.rs', '/.cargo-checksum.json/a', '/.cargo-ok')).toEqual(made);
});

test.each([
  ['a file and a folder of one name', ['/a', '/a/b'], /^The crate curd 1\.0\.0 has two files for one place\.$/],
  ['a file deep below a file', ['/a', '/a/b/c/d'], /two files for one place/],
  ['a folder and a file of one name', ['/a/b', '/a'], /two files for one place/],
  ['a file twice', ['/a', '/a'], /two files for one place/],
  ['a file in the place of its folder', [''], /two files for one place/],
  ['a name over 255 bytes', [`/${'n'.repeat(256)}`], /a name that is too long/],
  ['a folder over 255 bytes', [`/${'n'.repeat(256)}/a`], /a name that is too long/],
])('refuses %s', async (_, names, message) => {
  await expect(unpack(...names)).rejects.toMatchObject({
    code: 'bad-archive',
    message: expect.stringMatching(message),
  });
});
