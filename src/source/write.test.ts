import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseStanzas } from '../debian/deb822.ts';
import { buildZip } from '../python/testing/zips.ts';
import { writeSourcePackage } from './write.ts';

let place: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'rennet-source-'));
});
afterEach(() => rm(place, { recursive: true }));

async function write(sdist: Buffer, into: string, mode = 0o644): Promise<{ dsc: string; isPristine: boolean }> {
  const path = join(place, 'sdist');
  await writeFile(path, sdist);
  const [binary = new Map<string, string>()] = parseStanzas('Package: python3-curd\nDescription: Curd\n');
  const fields = {
    source: 'python-curd',
    version: '1.0~rc1-0~pypi1~deb12',
    maintainer: 'Rennet <rennet@example.org>',
    buildDepends: ['debhelper-compat (= 13)'],
    architecture: 'all',
    binary,
    depends: ['${misc:Depends}'],
  } as const;
  const folder = {
    fields,
    project: 'curd',
    release: '1.0rc1',
    suite: 'bookworm',
    epoch: 1_000_000_000,
    copyright: 'Format: x\n',
    environment: {},
    layout: { removed: [], moved: [] },
    packages: [],
    notes: [],
  };
  const { signal } = new AbortController();
  return writeSourcePackage(folder, path, join(place, 'scratch'), join(place, into), mode, signal);
}

test('a zip is packed anew, the same bytes each time; programs stay programs', async () => {
  const zip = buildZip([
    { name: 'curd-1.0rc1/', mode: 0o040755 },
    { name: 'curd-1.0rc1/setup.py', content: 'setup()\n', mode: 0o100644 },
    { name: `curd-1.0rc1/${'long'.repeat(40)}/configure`, content: '#!/bin/sh\n', mode: 0o104777 },
  ]);
  const [one, two] = [await write(zip, 'one'), await write(zip, 'two')];
  expect(one).toEqual({ dsc: join(place, 'one/python-curd_1.0~rc1-0~pypi1~deb12.dsc'), isPristine: false });
  const names = await readdir(join(place, 'one'));
  expect(names).toEqual([
    'python-curd_1.0~rc1-0~pypi1~deb12.debian.tar.xz',
    'python-curd_1.0~rc1-0~pypi1~deb12.dsc',
    'python-curd_1.0~rc1.orig.tar.gz',
  ]);
  for (const name of names)
    expect(await readFile(join(place, 'one', name))).toEqual(await readFile(join(place, 'two', name)));
  expect(await readFile(two.dsc, 'utf8')).toContain('Format: 3.0 (quilt)\nSource: python-curd\nBinary: python3-curd\n');
  const orig = join(place, 'one/python-curd_1.0~rc1.orig.tar.gz');
  const { stdout } = await execa('tar', ['--utc', '--list', '--verbose', '--file', orig]);
  expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
    'drwxr-xr-x root/root 0 2001-09-09 01:46 curd-1.0rc1/',
    '-rw-r--r-- root/root 8 2001-09-09 01:46 curd-1.0rc1/setup.py',
    `-rwxr-xr-x root/root 10 2001-09-09 01:46 curd-1.0rc1/${'long'.repeat(40)}/configure`,
  ]);
});

test('a .tar.gz stays as it is, and the .dsc has the sums of both files', async () => {
  const sdist = Buffer.concat([Buffer.from('1f8b', 'hex'), Buffer.alloc(1000, 7)]);
  const { dsc, isPristine } = await write(sdist, 'out');
  expect(isPristine).toBe(true);
  const orig = join(place, 'out/python-curd_1.0~rc1.orig.tar.gz');
  expect(await readFile(orig)).toEqual(sdist);
  const text = await readFile(dsc, 'utf8');
  for (const algorithm of ['md5', 'sha1', 'sha256'])
    for (const name of [orig, dsc.replace('.dsc', '.debian.tar.xz')]) {
      const bytes = await readFile(name);
      const sum = createHash(algorithm).update(bytes).digest('hex');
      expect(text).toContain(`\n ${sum} ${bytes.length} ${name.split('/').at(-1) ?? ''}\n`);
    }
});

test.each([0o600, 0o644])('the files have the mode that is asked for, whatever lay there before: %i', async (mode) => {
  const into = join(place, 'out');
  await mkdir(into);
  for (const name of ['python-curd_1.0~rc1.orig.tar.gz', 'python-curd_1.0~rc1.orig.tar.gz.part']) {
    await writeFile(join(into, name), 'old');
    await chmod(join(into, name), 0o640);
  }
  await write(Buffer.concat([Buffer.from('1f8b', 'hex'), Buffer.alloc(100, 7)]), 'out', mode);
  const names = await readdir(into);
  expect(names).toHaveLength(3);
  for (const name of names) expect((await stat(join(into, name))).mode & 0o777).toBe(mode);
});

test('a place that cannot be written to is told', async () => {
  await writeFile(join(place, 'file'), '');
  await expect(write(Buffer.from('x'), 'file/below')).rejects.toMatchObject({ code: 'state-unwritable' });
});
