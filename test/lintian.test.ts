import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { admit } from '../src/admit/admit.ts';
import { evidenceOf, portsBelow } from '../src/admit/testing/evidence.ts';
import { RECIPE } from '../src/model/testing/curd.ts';
import { distInfo, type Member, writeZip } from '../src/admit/testing/wheel.ts';
import { assemble } from '../src/assemble/assemble.ts';

const METADATA = `Metadata-Version: 2.1
Name: curd
Version: 1.0
Summary: Makes curd out of milk
Home-page: https://curd.example.org/
License: MIT
Requires-Python: >=3.8

This project makes curd out of milk in a slow and careful manner, at home.
`;
const LICENCE: Member = {
  name: 'curd-1.0.dist-info/licenses/LICENSE',
  content:
    'MIT License\n\nCopyright (c) 2020 A. Maker\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of it, to deal in the Software without restriction\n',
};
const MODULE: Member = { name: 'curd/__init__.py', content: 'answer = 42\n' };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lintian-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A wheel all the way to its `.deb`, and the error tags that lintian has for it. */
async function errorsOf(members: readonly Member[], wheelName: string, entryPoints?: string): Promise<string[]> {
  const signal = new AbortController().signal;
  const work = await mkdtemp(join(folder, 'wheel-'));
  await mkdir(join(work, 'admit'));
  await writeZip(join(work, 'wheel'), [
    ...members,
    LICENCE,
    ...distInfo({ metadata: METADATA, ...(entryPoints === undefined ? {} : { entryPoints }) }),
  ]);
  const evidence = evidenceOf(join(work, 'wheel'), wheelName);
  const sharedLibraries = wheelName.includes('linux') ? ['libc6 (>= 2.14)'] : [];
  const facts = { ...evidence.facts, sharedLibraries };
  const admission = await admit({ ...evidence, facts }, portsBelow(join(work, 'admit')), signal);
  if (!admission.admitted) throw new Error(admission.sentence);
  const ports = {
    archive: { dists: () => [] },
    pythonRelations: () => ({ relations: ['python3:any (>= 3.8-0~)'], approximated: [] }),
    maintainer: 'The Farm <farm@farm.example.org>',
    build: 1,
    folder: join(work, 'out'),
  };
  const deb = await assemble(admission, RECIPE, { met: [], unmet: [], ledger: [] }, ports, signal);
  const { stdout } = await execa('lintian', ['--no-cfg', '--allow-root', '--tag-display-limit', '0', deb.path], {
    reject: false,
  });
  expect(stdout).toContain(': python3-curd: ');
  return stdout.split('\n').filter((line) => line.startsWith('E:'));
}

it('lintian has no error for a pure package with commands', async () => {
  const script: Member = { name: 'curd-1.0.data/scripts/curd-sh', content: '#!/usr/bin/env bash\necho curd\n' };
  const wheel = 'curd-1.0-py3-none-any.whl';
  expect(await errorsOf([MODULE, script], wheel, '[console_scripts]\ncurd = curd.cli:main\n')).toEqual([]);
});

it('lintian has no error for a package with data in all its places', async () => {
  const data = (path: string, content: string): Member => ({ name: `curd-1.0.data/data/${path}`, content });
  const page = '.TH CURD 1 "2020-01-01" "curd 1.0"\n.SH NAME\ncurd \\- makes curd out of milk\n';
  const members = [
    MODULE,
    { name: 'milk/__init__.py', content: "__import__('pkg_resources').declare_namespace(__name__)\n" },
    { name: 'milk/curd.py', content: 'answer = 42\n' },
    data('share/man/man1/curd.1', page),
    data('share/man/de/man5/curd.conf.5.gz', page),
    data('share/curd/table.txt', 'x\n'),
    data(
      'share/applications/curd.desktop',
      '[Desktop Entry]\nType=Application\nName=Curd\nExec=curd\nCategories=Utility;\n',
    ),
    data('share/bash-completion/completions/curd', 'complete -W make curd\n'),
    data('etc/curd/curd.conf', 'a = b\n'),
    data('lib/systemd/system/curd.service', '[Service]\nExecStart=/usr/bin/curd\n'),
    data('README.md', '# Curd\n'),
  ];
  expect(await errorsOf(members, 'curd-1.0-py3-none-any.whl', '[console_scripts]\ncurd = curd:main\n')).toEqual([]);
});

it('lintian has no error for a package with an extension', async () => {
  const source = 'import _asyncio; print(_asyncio.__file__)';
  const { stdout } = await execa('/usr/bin/python3', ['-I', '-S', '-c', source]);
  const extension: Member = { name: 'curd/_curd.cpython-311-x86_64-linux-gnu.so', content: await readFile(stdout) };
  expect(await errorsOf([MODULE, extension], 'curd-1.0-cp311-cp311-linux_x86_64.whl')).toEqual([]);
});
