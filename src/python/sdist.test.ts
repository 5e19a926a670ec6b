import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readSdist } from './sdist.ts';
import { testFolder } from './testing/folder.ts';
import type { TarFile } from './testing/tars.ts';
import { buildSdist, buildTarGz } from './testing/tars.ts';
import { buildZip } from './testing/zips.ts';

const folder = testFolder();
const foo = { project: 'foo-bar', version: '1.0' };
const pkgInfo = 'Metadata-Version: 2.2\nName: Foo.Bar\nVersion: 1.0.0\nRequires-Dist: x\nDynamic: License\n';
const files = {
  'PKG-INFO': pkgInfo,
  'pyproject.toml':
    '[build-system]\nrequires = ["hatchling>=1"]\nbuild-backend = "hatchling.build"\nbackend-path = ["."]\n',
  'setup.py': '',
  LICENSE: 'MIT',
  'LICENSES/BSD.txt': 'BSD',
  'src/foo/__init__.py': '',
  'tests/data/x.c': '',
  'LICENSE.big': 'x'.repeat(300_000),
};

async function read(bytes: Buffer, expected = foo) {
  return readSdist(await folder.file('blob', bytes), expected);
}

function refusal(code: string, sentence: RegExp) {
  return { code, message: expect.stringMatching(sentence) as string };
}

const facts = {
  top: 'foo_bar-1.0',
  names: Object.keys(files).map((name) => `foo_bar-1.0/${name}`),
  buildSystem: { backend: 'hatchling.build', backendPath: ['.'], requires: ['hatchling>=1'] },
  hasSetupPy: true,
  pyproject: files['pyproject.toml'],
  pkgInfo: expect.objectContaining({ name: 'Foo.Bar', version: '1.0.0', requiresDist: ['x'] }) as object,
  dynamic: ['license'],
  requires: ['x'],
  licenceFiles: [
    { name: 'LICENSE', text: 'MIT' },
    { name: 'LICENSES/BSD.txt', text: 'BSD' },
  ],
  extensionSources: [],
  declaresExtension: false,
  links: [],
  notes: [],
};

describe('sound sdists', () => {
  test('as .tar.gz without directory entries', async () => {
    expect(await read(buildSdist('foo_bar-1.0', files))).toEqual(facts);
  });

  test('as .zip', async () => {
    const members = Object.entries(files).map(([name, content]) => ({ name: `foo_bar-1.0/${name}`, content }));
    expect(await read(buildZip([{ name: 'foo_bar-1.0/', mode: 0o040755 }, ...members]))).toEqual(facts);
  });

  test('with little in them', async () => {
    const { buildSystem, dynamic, pyproject, extensionSources, declaresExtension } = await read(
      buildSdist('foo', { 'src/fast.pyx': '', 'tests/slow.c': '', 'setup.py': 'setup(ext_modules=[])' }),
    );
    expect({ buildSystem, dynamic, pyproject, extensionSources, declaresExtension }).toEqual({
      buildSystem: undefined,
      dynamic: ['*'],
      pyproject: undefined,
      extensionSources: ['src/fast.pyx'],
      declaresExtension: true,
    });
    const old = { 'PKG-INFO': 'Metadata-Version: 2.1\nName: foo-bar\nVersion: 1.0\n', 'pyproject.toml': '[tool.x]\n' };
    expect(await read(buildSdist('foo', old))).toMatchObject({ dynamic: ['*'], pyproject: '[tool.x]\n' });
  });

  test.each([
    ['foo.egg-info/requires.txt', 'six\n[dev]\npytest\n', ['six']],
    ['src/foo.egg-info/requires.txt', 'six\n', ['six']],
    ['tests/data/foo.egg-info/requires.txt', 'six\n', []],
  ])('with requirements in %s', async (name, text, requires) => {
    expect(await read(buildSdist('foo', { [name]: text }))).toMatchObject({ requires });
  });

  test('with a PKG-INFO that cannot be read: noted', async () => {
    const { notes, pkgInfo: none } = await read(buildSdist('foo', { 'PKG-INFO': 'Name: foo\n' }));
    expect(none).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining('PKG-INFO was not read')]);
  });

  test('with links inside, pax times and paths, ./ names, old and foreign headers', async () => {
    const long = `top/${'d'.repeat(150)}/f`;
    const sound: TarFile[] = [
      { name: './', type: '5' },
      { name: './top/', type: '5', globalPax: { comment: 'abc' } },
      { name: 'top/a', content: 'x', pax: { mtime: '1.5', 'SCHILY.dev': '1' } },
      { name: 'short', content: 'x', pax: { path: long } },
      { name: 'top/d/up', type: '2', target: '../a' },
      { name: 'top/hard', type: '1', target: 'top/a' },
      { name: 'top/old', magic: '\0\0\0\0\0\0' },
      { name: Buffer.from('top/\xe4', 'latin1') },
    ];
    const { top, names, links } = await read(buildTarGz(sound));
    expect({ top, names, links }).toEqual({
      top: 'top',
      names: ['top/a', long, 'top/d/up', 'top/hard', 'top/old', 'top/\ufffd'],
      links: [
        { name: 'top/d/up', target: '../a' },
        { name: 'top/hard', target: 'top/a' },
      ],
    });
  });

  test("as Python's tarfile writes them", async () => {
    const script = `
import io, sys, tarfile
for number, form in enumerate((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT)):
    with tarfile.open(f"{sys.argv[1]}/{number}", "w:gz", format=form) as t:
        for name in ("top/" + "d" * 90 + "/" + "f" * 90, "top/t\\u00e4st", "top/setup.py"):
            info = tarfile.TarInfo(name); info.size = 3; info.mtime = 1.25
            t.addfile(info, io.BytesIO(b"abc"))
`;
    const path = await folder.path();
    await promisify(execFile)('python3', ['-c', script, path]);
    for (const form of ['0', '1', '2']) {
      const { names, hasSetupPy } = await readSdist(join(path, form), foo);
      expect(names).toEqual([`top/${'d'.repeat(90)}/${'f'.repeat(90)}`, 'top/täst', 'top/setup.py']);
      expect(hasSetupPy).toBe(true);
    }
  });
});

describe('hostile sdists are refused', () => {
  test.each<[string, TarFile[], RegExp]>([
    ['parent names', [{ name: '../a' }], /unsafe name/],
    ['inner parent names', [{ name: 'top/../../a' }], /unsafe name/],
    ['absolute names', [{ name: '/top/a' }], /unsafe name/],
    ['control characters', [{ name: 'top/a\u001b[2J' }], /unsafe name/],
    ['an unsafe pax path', [{ name: 'top/a', pax: { path: 'top/../../a' } }], /unsafe name/],
    ['a pax size', [{ name: 'top/a', pax: { size: '9' } }], /overrides/],
    ['a global pax size', [{ name: 'top/a', globalPax: { size: '9' } }], /overrides/],
    ['a global pax path', [{ name: 'top/a', globalPax: { path: 'top/b' } }], /overrides/],
    ['a pax link', [{ name: 'top/a', type: '2', target: 'b', pax: { linkpath: '/etc/shadow' } }], /overrides/],
    ['a pax sparse map', [{ name: 'top/a', pax: { 'GNU.sparse.major': '1' } }], /overrides/],
    ['a pax character set', [{ name: 'top/a', pax: { hdrcharset: 'BINARY' } }], /overrides/],
    ['GNU sparse files', [{ name: 'top/a', type: 'S' }], /no file, directory or link/],
    ['devices', [{ name: 'top/a', type: '3' }], /no file, directory or link/],
    ['pipes', [{ name: 'top/a', type: '6' }], /no file, directory or link/],
    ['two top folders', [{ name: 'top/a' }, { name: 'other/b' }], /outside of its top folder/],
    ['a file beside the top folder', [{ name: 'top/a' }, { name: 'b' }], /outside of its top folder/],
    ['a file as top', [{ name: 'top' }], /outside of its top folder/],
    ['nothing', [], /empty/],
    ['only a root', [{ name: './', type: '5' }], /empty/],
    ['an absolute symbolic link', [{ name: 'top/a', type: '2', target: '/etc/passwd' }], /outside of its top/],
    ['a symbolic link out', [{ name: 'top/a', type: '2', target: '../other' }], /outside of its top/],
    ['a hard link out', [{ name: 'top/a', type: '1', target: 'other' }], /outside of its top/],
    ['an empty link', [{ name: 'top/a', type: '2' }], /outside of its top/],
    ['pyproject.toml as a link', [{ name: 'top/pyproject.toml', type: '2', target: 'x' }], /as a link/],
    ['pyproject.toml twice', [{ name: 'top/pyproject.toml' }, { name: 'top/pyproject.toml' }], /twice/],
    ['a large pyproject.toml', [{ name: 'top/pyproject.toml', content: '#'.repeat(2 ** 20 + 1) }], /allowed/],
    ['deep paths', [{ name: 'top/a', pax: { path: 'd/'.repeat(100) } }], /levels/],
    ['long paths', [{ name: 'top/a', pax: { path: `top/${'d'.repeat(2000)}` } }], /too long/],
    ['a size beyond the end', [{ name: 'top/a', size: 99_999 }], /cut off/],
  ])('%s', async (_, members, sentence) => {
    await expect(read(buildTarGz(members))).rejects.toMatchObject(refusal('bad-archive', sentence));
  });

  test.each<[string, Buffer, RegExp]>([
    ['an empty file', Buffer.alloc(0), /neither/],
    ['a text', Buffer.from('<html>not found</html>'), /neither/],
    ['gzip of something else', gzipSync(Buffer.alloc(600, 'x')), /is broken/],
    ['a cut archive', buildSdist('foo', files).subarray(0, 300), /cut off/],
    ['garbage after the end', buildTarGz([{ name: 'top/a' }], Buffer.alloc(512, 'x')), /is broken/],
    ['a bomb', gzipSync(Buffer.concat([Buffer.alloc(80 << 20)])), /200 times/],
  ])('%s', async (_, bytes, sentence) => {
    await expect(read(bytes)).rejects.toMatchObject(refusal('bad-archive', sentence));
  });

  test('a PKG-INFO of another release', async () => {
    for (const other of [
      { ...foo, version: '2' },
      { ...foo, project: 'bar' },
    ]) {
      const sentence = /says inside that it is Foo.Bar 1.0.0/;
      await expect(read(buildSdist('foo', files), other)).rejects.toMatchObject(refusal('bad-metadata', sentence));
    }
  });

  test.each([
    ['[build-system]\nrequires = [\n', /broken at line 3/],
    ['a = 1\na = 2\n', /broken at line 2/],
    ['[build-system]\nbuild-backend = "x"\n', /build-system.requires/],
    ['[build-system]\nrequires = ["a b"]\n', /requirement "a b"/],
    ['[build-system]\nrequires = []\nbuild-backend = "os; x"\n', /build-system.build-backend/],
    ['[build-system]\nrequires = []\nbackend-path = ["../x"]\n', /build-system.backend-path.0: leaves the sdist/],
    ['[build-system]\nrequires = "setuptools"\n', /build-system.requires/],
    ['build-system = 3\n', /broken build-system/],
  ])('a broken pyproject.toml: %j', async (text, sentence) => {
    const sdist = buildSdist('foo', { 'pyproject.toml': text });
    await expect(read(sdist)).rejects.toMatchObject(refusal('bad-metadata', sentence));
  });

  test('on abort with the reason', async () => {
    const path = await folder.file('blob', buildSdist('foo', files));
    await expect(readSdist(path, foo, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
