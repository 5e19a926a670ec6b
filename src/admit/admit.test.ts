import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Recipe } from '../model/recipe.ts';
import { admit } from './admit.ts';
import type { Admitted } from './admission.ts';
import { elfFile } from './testing/elf.ts';
import { evidenceOf, portsBelow } from './testing/evidence.ts';
import { distInfo, type Member, writeZip } from './testing/wheel.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'admit-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function admitWheel(members: readonly Member[], wheelName?: string, recipe?: Partial<Recipe>) {
  const path = join(folder, 'wheel');
  await writeZip(path, members);
  return admit(evidenceOf(path, wheelName, recipe), portsBelow(folder), new AbortController().signal);
}

describe('admit', () => {
  it('gives the file tree of a harmless wheel', async () => {
    const admission = (await admitWheel([
      { name: 'curd/__init__.py', content: 'answer = 42\n', mode: 0o100755 },
      { name: 'curd/data.json', content: '{}' },
      { name: 'curd-1.0.data/scripts/curd-tool', content: '#!python\nprint(1)\n' },
      ...distInfo({ entryPoints: '[console_scripts]\ncurd = curd.cli:main\n' }),
    ])) as Admitted;
    expect(admission.admitted).toBe(true);
    expect(admission.files.map(({ path, mode }) => `${mode.toString(8)} ${path}`)).toEqual([
      '755 /usr/bin/curd',
      '755 /usr/bin/curd-tool',
      '644 /usr/lib/python3/dist-packages/curd-1.0.dist-info/INSTALLER',
      '644 /usr/lib/python3/dist-packages/curd-1.0.dist-info/METADATA',
      '644 /usr/lib/python3/dist-packages/curd-1.0.dist-info/WHEEL',
      '644 /usr/lib/python3/dist-packages/curd-1.0.dist-info/entry_points.txt',
      '644 /usr/lib/python3/dist-packages/curd/__init__.py',
      '644 /usr/lib/python3/dist-packages/curd/data.json',
    ]);
    expect(admission.modules).toEqual(['curd']);
    expect(admission.pythonBound).toBe('none');
    const [launcher, tool] = admission.files;
    expect(await readFile(launcher?.content ?? '', 'utf8')).toContain('from curd.cli import main');
    expect(await readFile(tool?.content ?? '', 'utf8')).toBe('#!/usr/bin/python3\nprint(1)\n');
    for (const file of admission.files) expect((await stat(file.content)).size).toBe(file.bytes);
  });

  it('puts data files into the own folders of the package, manual pages compressed', async () => {
    const data = 'curd-1.0.data/data';
    const admission = (await admitWheel([
      { name: 'curd/__init__.py', content: '' },
      { name: 'curd/run.sh', content: '#!/bin/sh\n', mode: 0o100775 },
      { name: `${data}/share/curd/theme/a.css`, content: '' },
      { name: `${data}/share/doc/Curd/guide.txt`, content: '' },
      { name: `${data}/share/man/man1/curd.1`, content: '.TH curd 1\n' },
      ...distInfo({ entryPoints: '[console_scripts]\ncurd = curd:main\n' }),
    ])) as Admitted;
    const page = admission.files.find(({ path }) => path === '/usr/share/man/man1/curd.1.gz');
    expect(gunzipSync(await readFile(page?.content ?? '')).toString()).toBe('.TH curd 1\n');
    const modes = admission.files.map(({ path, mode }) => `${mode.toString(8)} ${path}`);
    expect(modes).toContain('755 /usr/lib/python3/dist-packages/curd/run.sh');
    expect(modes).toContain('644 /usr/share/curd/theme/a.css');
    expect(modes).toContain('644 /usr/share/doc/python3-curd/guide.txt');
  });

  it('tells what compiled files say of themselves', async () => {
    const name = 'curd/_x.abi3.so';
    const members = [
      { name: 'curd/__init__.py', content: '' },
      { name, content: elfFile({ soname: 'libx.so.1' }) },
    ];
    expect(await admitWheel([...members, ...distInfo()], 'curd-1.0-cp38-abi3-linux_x86_64.whl')).toMatchObject({
      pythonBound: 'abi3',
      hasElf: true,
      elf: [{ path: `/usr/lib/python3/dist-packages/${name}`, soname: 'libx.so.1' }],
    });
  });

  it('asks who published a module first, and lets that project publish it again', async () => {
    const members = [{ name: 'taken/__init__.py', content: '' }, ...distInfo({ name: 'first_one' })];
    const recipe = { project: 'first-one', package: 'python3-first-one' };
    expect(await admitWheel(members, 'first_one-1.0-py3-none-any.whl', recipe)).toMatchObject({ admitted: true });
    const other = [{ name: 'taken/__init__.py', content: '' }, ...distInfo()];
    expect(await admitWheel(other)).toMatchObject({ admitted: false, outcome: 'held', rule: 'published-module' });
  });

  it('claims what is left when other rules have dropped theirs', async () => {
    const asked: (readonly string[])[] = [];
    const path = join(folder, 'wheel');
    await writeZip(path, [
      { name: 'acme/__init__.py', content: "__import__('pkg_resources').declare_namespace(__name__)\n" },
      { name: 'acme/curd/__init__.py', content: '' },
      { name: 'acme/curd/data.json', content: '{}' },
      { name: 'acme/README', content: '' },
      { name: 'tests/x.py', content: '' },
      { name: 'curd-stubs/__init__.pyi', content: '' },
      { name: 'curd-1.0.dist-info/namespace_packages.txt', content: 'acme\n' },
      { name: 'curd-1.0.data/data/share/curd/a.css', content: '' },
      { name: 'curd-1.0.data/data/share/man/man1/curd.1', content: '.TH curd 1\n' },
      ...distInfo({ entryPoints: '[console_scripts]\ncurd = acme.curd:main\n' }),
    ]);
    const otherOwners = async (claims: readonly string[]) => {
      asked.push(claims);
      return new Map<string, string>();
    };
    const ports = { ...portsBelow(folder), published: { otherOwners } };
    const admission = (await admit(evidenceOf(path), ports, new AbortController().signal)) as Admitted;
    expect(admission.claims).toEqual([
      '/usr/bin/curd',
      '/usr/lib/python3/dist-packages/acme/README',
      '/usr/lib/python3/dist-packages/curd-stubs/__init__.pyi',
      '/usr/share/curd',
      '/usr/share/man/man1/curd.1.gz',
      'acme/curd',
    ]);
    expect(asked).toEqual([admission.claims]);
  });

  it('gives the sentence and the rule of what it refuses', async () => {
    const members = [{ name: 'curd.pth', content: 'import os\n' }, ...distInfo()];
    expect(await admitWheel(members)).toMatchObject({
      admitted: false,
      outcome: 'rejected',
      rule: 'pth-code',
      sentence:
        "curd 1.0 is rejected by the rule pth-code: 'curd.pth' holds code; such a line runs as root whenever Python starts on the machine (site module).",
    });
  });
});
