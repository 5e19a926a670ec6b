import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Recipe } from '../model/recipe.ts';
import { admit } from './admit.ts';
import type { Admitted } from './admission.ts';
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
});
