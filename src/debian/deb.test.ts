import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdmittedFile } from '../model/evidence.ts';
import { type DebInput, installedSizeKiB, readDeb, readDebControl, writeDeb } from './deb.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-deb-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const CONTROL =
  'Package: python3-demo\nVersion: 1.0-0~pypi1~deb12\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: demo\n';
const EPOCH = 1_700_000_000;

async function file(path: string, text: string, mode: 0o644 | 0o755 = 0o644): Promise<AdmittedFile> {
  const sha256 = createHash('sha256').update(text).digest('hex');
  const content = join(folder, sha256);
  await writeFile(content, text);
  return { path, mode, bytes: Buffer.byteLength(text), sha256, content };
}

async function demo(): Promise<DebInput> {
  const modules = '/usr/lib/python3/dist-packages/demo';
  return {
    control: CONTROL,
    scripts: { postinst: '#!/bin/sh\nset -e\n', prerm: '#!/bin/sh\nset -e\n' },
    files: [
      await file(`${modules}/__init__.py`, 'x = 1\n'),
      await file('/usr/bin/demo', '#!/usr/bin/python3\n', 0o755),
      await file(`${modules}/${'long'.repeat(30)}/${'name'.repeat(40)}.py`, ''),
      await file(`${modules}/größe-日本.txt`, 'ü'),
      await file(`${modules}/big.bin`, 'abcdefg\n'.repeat(100_000)),
    ],
    links: [
      { path: '/usr/bin/demo3', target: 'demo' },
      { path: '/usr/share/demo/l', target: '../'.repeat(40) + 'x' },
    ],
    epoch: EPOCH,
  };
}

function dpkgDeb(...args: string[]): string {
  return execFileSync('dpkg-deb', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' } });
}

describe('writeDeb', () => {
  test('dpkg reads names, modes, owners, times and links as they were given', async () => {
    const input = await demo();
    const path = join(folder, 'demo.deb');
    const written = await writeDeb(input, path);
    const bytes = await readFile(path);
    expect(written.bytes).toBe(bytes.length);
    expect(written.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(written.installedSizeKiB).toBe(installedSizeKiB(input.files, input.links));
    expect(dpkgDeb('--field', path)).toBe(CONTROL);
    const lines = dpkgDeb('--contents', path).trimEnd().split('\n');
    expect(lines.every((line) => line.includes('root/root') && line.includes('2023-11-14 22:13'))).toBe(true);
    expect(lines[0]).toMatch(/^drwxr-xr-x root\/root\s+0 2023-11-14 22:13 \.\/$/);
    expect(lines).toContainEqual(expect.stringMatching(/^-rwxr-xr-x .* \.\/usr\/bin\/demo$/));
    expect(lines).toContainEqual(expect.stringMatching(/^lrwxrwxrwx .* \.\/usr\/bin\/demo3 -> demo$/));
    const names = lines.map((line) => line.replace(/^.* \.\//, './').replace(/ -> .*/, ''));
    expect(names).toEqual([...new Set(names)]);
    expect(names.filter((name) => name.endsWith('/'))).toContain('./usr/lib/python3/');
  });

  test('unpacks to the same contents, and md5sums agree', async () => {
    const input = await demo();
    const path = join(folder, 'demo.deb');
    await writeDeb(input, path);
    const root = join(folder, 'root');
    dpkgDeb('--extract', path, root);
    dpkgDeb('--control', path, join(folder, 'DEBIAN'));
    for (const admitted of input.files)
      expect(await readFile(root + admitted.path)).toEqual(await readFile(admitted.content));
    const sums = join(folder, 'DEBIAN/md5sums');
    expect(
      execFileSync('md5sum', ['--strict', '-c', sums], { cwd: root, encoding: 'utf8' }).match(/: OK$/gm),
    ).toHaveLength(5);
    expect(await readdir(join(folder, 'DEBIAN'))).toEqual(['control', 'md5sums', 'postinst', 'prerm']);
  });

  test('same input in another order and at another place: same bytes, nothing left beside', async () => {
    const input = await demo();
    await writeDeb(input, join(folder, 'one.deb'));
    const turned = { ...input, files: input.files.toReversed(), links: input.links.toReversed() };
    await writeDeb(turned, join(folder, 'two.deb'));
    expect(await readFile(join(folder, 'one.deb'))).toEqual(await readFile(join(folder, 'two.deb')));
    expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
  });

  test.each([
    ['a parent path', '/usr/../etc/x'],
    ['a relative path', 'etc/x'],
    ['a newline', '/usr/a\nb'],
    ['a double slash', '/usr//x'],
    ['a doubled path', '/usr/bin/demo'],
    ['a folder that is a file', '/usr/bin/demo/x'],
  ])('refuses %s and writes nothing', async (_, path) => {
    const input = await demo();
    const more = { ...input, files: [...input.files, await file(path, 'x')] };
    await expect(writeDeb(more, join(folder, 'bad.deb'))).rejects.toMatchObject({ code: 'defect' });
    expect(await readdir(folder)).not.toContain('bad.deb');
  });

  test.each(['longer than admitted\n', 'y = 1\n', ''])(
    'refuses content that changed after admission to %j',
    async (text) => {
      const input = await demo();
      await writeFile(input.files[0]?.content ?? '', text);
      await expect(writeDeb(input, join(folder, 'bad.deb'))).rejects.toMatchObject({ code: 'defect' });
      expect((await readdir(folder)).filter((name) => name.includes('bad.deb'))).toEqual([]);
    },
  );

  test('an abort ends it and leaves nothing', async () => {
    const input = await demo();
    await expect(writeDeb(input, join(folder, 'a.deb'), AbortSignal.abort())).rejects.toThrow();
    expect((await readdir(folder)).filter((name) => name.includes('a.deb'))).toEqual([]);
  });
});

describe('readDeb', () => {
  test('reads back what writeDeb wrote', async () => {
    const input = await demo();
    const path = join(folder, 'demo.deb');
    await writeDeb(input, path);
    const deb = await readDeb(path);
    expect(deb.control.get('Package')).toBe('python3-demo');
    expect(await readDebControl(path)).toEqual(deb.control);
    expect([...deb.controlFiles.keys()]).toEqual(['md5sums', 'postinst', 'prerm']);
    const files = deb.entries.filter((entry) => entry.type === 'file');
    expect(files.map(({ name, mode, bytes }) => ({ path: name.slice(1), mode, bytes }))).toEqual(
      input.files
        .map(({ path: own, mode, bytes }) => ({ path: own, mode, bytes }))
        .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
    );
    expect(deb.entries.filter((entry) => entry.type === 'symlink').map((entry) => entry.target)).toEqual(
      input.links.map((link) => link.target),
    );
  });

  test.each(['xz', 'gzip', 'zstd', 'none'])('reads what dpkg-deb writes with %s', async (compression) => {
    const tree = join(folder, 'tree');
    execFileSync('mkdir', ['-p', `${tree}/DEBIAN`, `${tree}/usr/share/${'d'.repeat(120)}`]);
    await writeFile(join(tree, 'DEBIAN/control'), CONTROL);
    execFileSync('sh', ['-c', `cd ${tree}/usr && echo hi >a && ln a b && ln -s a c && chmod 4755 a`]);
    const path = join(folder, 'd.deb');
    dpkgDeb(`-Z${compression}`, '--root-owner-group', '--build', tree, path);
    const { entries, control } = await readDeb(path);
    expect(control.get('Description')).toBe('demo');
    const of = (name: string) => entries.find((entry) => entry.name === name);
    expect(of('./usr/a')).toMatchObject({ type: 'file', mode: 0o4755, bytes: 3 });
    expect(of('./usr/b')).toMatchObject({ type: 'hardlink', target: './usr/a' });
    expect(of('./usr/c')).toMatchObject({ type: 'symlink', target: 'a' });
    expect(of(`./usr/share/${'d'.repeat(120)}/`)?.type).toBe('folder');
  });

  test('every cut and every damaged byte of the frame is an error of the archive, never a crash', async () => {
    const path = join(folder, 'demo.deb');
    await writeDeb({ ...(await demo()), files: [], links: [] }, path);
    const whole = await readFile(path);
    const bad = join(folder, 'bad.deb');
    for (const cut of [0, 7, 8, 40, 71, 131, 200, whole.length - 1]) {
      await writeFile(bad, whole.subarray(0, cut));
      await expect(readDeb(bad), `cut at ${cut}`).rejects.toMatchObject({ code: 'bad-archive' });
    }
    for (const offset of [0, 20 + 8 + 40, 68, 72 + 60, 150, whole.length - 20]) {
      const copy = Buffer.from(whole);
      copy[offset] = (copy[offset] ?? 0) ^ 0x55;
      await writeFile(bad, copy);
      await expect(readDeb(bad), `byte ${offset}`).rejects.toMatchObject({ code: 'bad-archive' });
    }
    await writeFile(bad, Buffer.concat([whole, Buffer.from('more')]));
    await expect(readDeb(bad)).rejects.toMatchObject({ code: 'bad-archive' });
  });
});
