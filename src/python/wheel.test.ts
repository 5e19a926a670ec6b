import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseEntryPoints } from './entry-points.ts';
import { testFolder } from './testing/folder.ts';
import type { ZipFile } from './testing/zips.ts';
import { buildWheel } from './testing/zips.ts';
import { unpackWheel } from './wheel-unpack.ts';
import { openWheel, readWheelMetadata } from './wheel.ts';

const folder = testFolder();
const filename = 'foo_bar-1.0-py3-none-any.whl';
const info = 'foo_bar-1.0.dist-info';

function refusal(sentence: RegExp, code = 'bad-archive') {
  return { code, message: expect.stringMatching(sentence) as string };
}

function wheelFile(files: readonly ZipFile[], requires: readonly string[] = []): Promise<string> {
  return folder.file(filename, buildWheel('foo_bar', '1.0', files, requires));
}

describe('wheels', () => {
  test('give their facts', async () => {
    const entryPoints = '[console_scripts]\nfoo = foo.cli:main [x]\n';
    const path = await wheelFile(
      [{ name: 'foo.py' }, { name: `${info}/entry_points.txt`, content: entryPoints }],
      ['x>1'],
    );
    const wheel = await openWheel(path);
    await wheel.close();
    expect(wheel).toMatchObject({ project: 'foo-bar', version: '1.0', distInfo: info, rootIsPurelib: true, notes: [] });
    expect(wheel.metadata.requiresDist).toEqual(['x>1']);
    expect(wheel.entryPoints.consoleScripts).toEqual([
      { name: 'foo', module: 'foo.cli', attribute: 'main', extras: 'x' },
    ]);
    expect(wheel.record.get('foo.py')).toMatch(/^e3b0c442/);
    expect((await readWheelMetadata(path)).name).toBe('foo_bar');
  });

  test('may lie under another name on this host', async () => {
    const path = await folder.file('blob', buildWheel('foo_bar', '1.0', []));
    await expect(openWheel(path)).rejects.toMatchObject(refusal(/no wheel's/));
    await (await openWheel(path, filename)).close();
  });

  test.each<[string, ZipFile[], RegExp]>([
    ['two .dist-info folders', [{ name: 'bar-1.dist-info/METADATA' }], /more than one .dist-info/],
    ['another WHEEL version', [{ name: `${info}/WHEEL`, content: 'Wheel-Version: 2.0\n' }], /version 1/],
    ['no WHEEL version', [{ name: `${info}/WHEEL`, content: 'x\n' }], /version 1/],
    [
      'a file that RECORD does not list',
      [{ name: 'a' }, { name: `${info}/RECORD`, content: `${info}/WHEEL,,\n` }],
      /does not list/,
    ],
    ['a broken RECORD', [{ name: `${info}/RECORD`, content: 'a\n' }], /broken RECORD/],
    ['a name twice in RECORD', [{ name: `${info}/RECORD`, content: 'a,,\na,,\n' }], /twice in RECORD/],
    ['two .data folders', [{ name: 'foo_bar-1.0.data/data/a' }, { name: 'foo.bar-1.0.data/data/a' }], /one .data/],
  ])('with %s are refused', async (_, files, sentence) => {
    await expect(openWheel(await wheelFile(files))).rejects.toMatchObject(refusal(sentence));
  });

  test('of another release are refused', async () => {
    const path = await folder.file('blob', buildWheel('foo_bar', '1.0', []));
    await expect(openWheel(path, 'foo_bar-2.0-py3-none-any.whl')).rejects.toMatchObject(refusal(/another release/));
    await expect(openWheel(path, 'baz-1.0-py3-none-any.whl')).rejects.toMatchObject(refusal(/another release/));
    const liar = await wheelFile([
      { name: `${info}/METADATA`, content: 'Metadata-Version: 2.1\nName: baz\nVersion: 1.0\n' },
    ]);
    await expect(openWheel(liar)).rejects.toMatchObject(refusal(/says inside that it is baz 1.0/, 'bad-metadata'));
  });

  test('RECORD may list what is not there and quote names: noted', async () => {
    const names = [`${info}/METADATA`, `${info}/WHEEL`, '"a,b"', 'gone'];
    const record = `${names.map((name) => `${name},,`).join('\r\n')}\r\n`;
    const wheel = await openWheel(await wheelFile([{ name: 'a,b' }, { name: `${info}/RECORD`, content: record }]));
    await wheel.close();
    expect(wheel.notes).toEqual([expect.stringContaining('lists 1 files')]);
  });
});

describe('unpacking a build-only wheel', () => {
  test("puts everything where Debian's python3 looks", async () => {
    const data = 'foo_bar-1.0.data';
    const path = await wheelFile([
      {
        name: 'foo/__init__.py',
        content: 'def main(): print("hello from foo")\nclass A:\n    run = staticmethod(main)\n',
      },
      { name: 'foo/tool', content: '#!/bin/sh\n', mode: 0o100775 },
      { name: `${data}/scripts/old`, content: '#!python -E\nimport foo; foo.main()\n' },
      { name: `${data}/scripts/shell`, content: '#!/bin/sh\n' },
      { name: `${data}/platlib/fast.so`, content: 'ELF', mode: 0o100600 },
      { name: `${data}/headers/foo.h` },
      { name: `${data}/data/share/foo/x` },
      {
        name: `${info}/entry_points.txt`,
        content: '[console_scripts]\nfoo = foo:main\n[gui_scripts]\nfoo-run = foo:A.run\n',
      },
    ]);
    const layer = join(await folder.path(), 'layer');
    await mkdir(layer);
    await unpackWheel(path, layer, { python: '3.11' });
    const modules = 'usr/local/lib/python3.11/dist-packages';
    const found = new Map<string, string>();
    for (const entry of await readdir(layer, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      const { mode } = await stat(file);
      if (entry.isFile()) found.set(file.slice(layer.length + 1), (mode & 0o7777).toString(8));
      else expect((mode & 0o7777).toString(8)).toBe('755');
    }
    expect(Object.fromEntries(found)).toEqual({
      [`${modules}/foo/__init__.py`]: '644',
      [`${modules}/foo/tool`]: '755',
      [`${modules}/fast.so`]: '644',
      ...Object.fromEntries(
        ['METADATA', 'WHEEL', 'RECORD', 'entry_points.txt'].map((name) => [`${modules}/${info}/${name}`, '644']),
      ),
      'usr/local/bin/old': '755',
      'usr/local/bin/shell': '755',
      'usr/local/bin/foo': '755',
      'usr/local/bin/foo-run': '755',
      'usr/local/include/python3.11/foo-bar/foo.h': '644',
      'usr/local/share/foo/x': '644',
    });
    expect(await readFile(join(layer, 'usr/local/bin/old'), 'utf8')).toMatch(/^#!\/usr\/bin\/python3 -E\nimport/);
    for (const script of ['foo', 'foo-run', 'old']) {
      const run = promisify(execFile)('python3', [join(layer, 'usr/local/bin', script)], {
        env: { ...process.env, PYTHONPATH: join(layer, modules) },
      });
      expect((await run).stdout).toBe('hello from foo\n');
    }
  });

  test.each<[string, ZipFile[], RegExp]>([
    [
      'another content than RECORD says',
      [
        { name: 'a', content: 'x' },
        { name: `${info}/RECORD`, content: `a,sha256=${'A'.repeat(43)},1\n${info}/METADATA,,\n${info}/WHEEL,,\n` },
      ],
      /than RECORD says/,
    ],
    ['an unknown data folder', [{ name: 'foo_bar-1.0.data/etc/passwd' }], /unknown data folder/],
    ['two files for one place', [{ name: 'a' }, { name: 'foo_bar-1.0.data/purelib/a' }], /one place/],
    ['a file where another needs a folder', [{ name: 'a' }, { name: 'foo_bar-1.0.data/purelib/a/b' }], /one place/],
    [
      'a script and an entry point of one name',
      [
        { name: 'foo_bar-1.0.data/scripts/x' },
        { name: `${info}/entry_points.txt`, content: '[console_scripts]\nx = a:b\n' },
      ],
      /one place/,
    ],
    ['names that differ by case', [{ name: 'A' }, { name: 'a' }], /only by case/],
  ])('refuses %s', async (_, files, sentence) => {
    const layer = join(await folder.path(), 'layer');
    await mkdir(layer);
    const path = await wheelFile(files);
    await expect(unpackWheel(path, layer, { python: '3.11' })).rejects.toMatchObject(refusal(sentence));
  });
});

describe('entry points', () => {
  test('of all groups', () => {
    const text =
      '# comment\n[console_scripts]\na.b-c = m.n : o.p [x,y]\n; comment\n\n[pytest11]\nx=y\n[ gui_scripts ]\ng = m:f\r\n';
    expect(parseEntryPoints(text)).toEqual({
      consoleScripts: [{ name: 'a.b-c', module: 'm.n', attribute: 'o.p', extras: 'x,y' }],
      guiScripts: [{ name: 'g', module: 'm', attribute: 'f' }],
      others: new Map([['pytest11', ['x=y']]]),
      unfit: [],
    });
  });

  test.each([
    '../x = m:f',
    'a/b = m:f',
    '-x = m:f',
    '.x = m:f',
    'a b = m:f',
    'x = m',
    'x = m:f; import os',
    'x = m.:f',
    'x = m:f()',
    'x = os:system\u2028("x")',
    'x = m:1f',
    '= m:f',
    'x',
    `${'x'.repeat(101)} = m:f`,
  ])('%j is no command, and takes none away', (line) => {
    const { consoleScripts, unfit } = parseEntryPoints(`[console_scripts]\n${line}\ngood = m:f\n`);
    expect(consoleScripts).toEqual([{ name: 'good', module: 'm', attribute: 'f' }]);
    expect(unfit).toEqual([`${line.trim()} [console_scripts]`]);
  });

  test('of one name count once', () => {
    const { guiScripts, unfit } = parseEntryPoints('[gui_scripts]\nx = m:f\nx = m:g\nx = m:f\n');
    expect(guiScripts).toEqual([{ name: 'x', module: 'm', attribute: 'f' }]);
    expect(unfit).toEqual(['x = m:g [gui_scripts]', 'x = m:f [gui_scripts]']);
  });

  test('a line outside of groups is refused', () => {
    expect(() => parseEntryPoints('x = m:f\n')).toThrow(/line 1/);
  });
});
