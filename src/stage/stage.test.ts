import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Recipe } from '../model/recipe.ts';
import { buildSdist } from '../python/testing/tars.ts';
import { buildWheel } from '../python/testing/zips.ts';
import { stage, stageCheck } from './stage.ts';
import { madePorts, makeDeb } from './testing/ports.ts';

const signal = new AbortController().signal;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-stage-'));
  await writeFile(join(folder, 'status'), 'Package: python3\nStatus: install ok installed\nVersion: 3.11\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function recipe(filename: string, kind: 'sdist' | 'wheel'): Recipe {
  const source = { filename, url: `https://index.example.org/${filename}`, kind };
  return { project: 'curd', version: '1.0', source } as unknown as Recipe;
}

test('an sdist: job, official layer, wheel layer above it, offered wheel, provenance', async () => {
  const six = await makeDeb(folder, 'python3-six', {
    'usr/lib/python3/dist-packages/six.py': 'x = 1\n',
    'lib/x86_64-linux-gnu/libsix.so': 'elf',
    'usr/share/doc/python3-six/README': 'long',
  });
  const wheel = await makeDeb(folder, 'python3-wheel', { 'usr/lib/python3/dist-packages/wheel.py': '' });
  const files = {
    'curd-1.0.tar.gz': buildSdist('curd-1.0', {
      'pyproject.toml':
        '[build-system]\nrequires = ["setuptools>=70", "six"]\nbuild-backend = "setuptools.build_meta"\n',
    }),
    'setuptools-75.0-py3-none-any.whl': buildWheel('setuptools', '75.0', [
      { name: 'setuptools.py', content: 'y = 1\n' },
    ]),
  };
  const official = {
    six: ['python3-six', '1.0-1', '1.0'],
    wheel: ['python3-wheel', '1.0-1', '1.0'],
    setuptools: ['python3-setuptools', '66-1', '66'],
  } as const;
  const ports = madePorts(folder, { files, official, debs: [six, wheel] });
  const options = { extraRequirements: ['six'], tools: 'suite' as const, folder: join(folder, 'round-1') };
  for (let round = 0; round < 2; round += 1) {
    const job = await stage(recipe('curd-1.0.tar.gz', 'sdist'), options, ports, signal);
    if (job.kind !== 'sdist') throw new Error('not an sdist');
    const written: unknown = JSON.parse(await readFile(join(job.input, 'job.json'), 'utf8'));
    expect(written).toMatchObject({
      protocol: 1,
      kind: 'build',
      project: 'curd',
      version: '1.0',
      source: 'source/curd-1.0.tar.gz',
      backend: { name: 'setuptools.build_meta', path: [], requires: ['setuptools>=70', 'six'] },
      met: ['setuptools>=70', 'six'],
      layers: ['layers/00-official', 'layers/50-setuptools'],
      offered: [{ project: 'wheel', version: '1.0', layers: ['layers/90-python3-wheel'] }],
    });
    const layers = join(job.input, 'layers');
    expect(await readFile(join(layers, '00-official/usr/lib/python3/dist-packages/six.py'), 'utf8')).toBe('x = 1\n');
    // A folder /lib in a layer would hide the base's.
    expect(await readdir(join(layers, '00-official'))).toEqual(['usr', 'var']);
    // dpkg in the guest knows whose the libraries are.
    expect(await readFile(join(layers, '00-official/var/lib/dpkg/status'), 'utf8')).toContain(
      'Status: install ok installed',
    );
    expect(await readFile(join(layers, '00-official/usr/lib/x86_64-linux-gnu/libsix.so'), 'utf8')).toBe('elf');
    expect(await readdir(join(layers, '00-official/usr/share'))).toEqual([]);
    const setuptools = join(layers, '50-setuptools/usr/local/lib/python3.11/dist-packages/setuptools.py');
    expect(await readFile(setuptools, 'utf8')).toBe('y = 1\n');
    expect(await readdir(options.folder)).toEqual(['in']);
    expect(job.buildRequirements.map((it) => [it.requirement, it.by, it.name, it.version, it.sha256.length])).toEqual([
      ['six', 'official', 'python3-six', '1.0-1', 64],
      ['setuptools>=70', 'index', 'setuptools', '75.0', 64],
    ]);
  }
  expect((await readdir(join(ports.cacheFolder, 'layers'))).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a pure wheel needs no guest', async () => {
  const bytes = buildWheel('curd', '1.0', [{ name: 'curd.py', content: '' }]);
  const filename = 'curd-1.0-py3-none-any.whl';
  const ports = madePorts(folder, { files: { [filename]: bytes } });
  const options = { extraRequirements: [], tools: 'suite' as const, folder: join(folder, 'round') };
  const job = await stage(recipe(filename, 'wheel'), options, ports, signal);
  expect(job.kind).toBe('wheel');
  expect(await readFile(job.source.path)).toEqual(bytes);
});

test('a file name with a path never reaches the disk', async () => {
  const ports = madePorts(folder, {});
  const options = { extraRequirements: [], tools: 'suite' as const, folder: join(folder, 'round') };
  await expect(stage(recipe('../x.tar.gz', 'sdist'), options, ports, signal)).rejects.toMatchObject({
    code: 'bad-index-page',
  });
});

test("a check: the closure unpacked, dpkg's knowledge of it, alternatives that stay inside", async () => {
  const lib = await makeDeb(
    folder,
    'libblas3',
    { 'usr/lib/x86_64-linux-gnu/blas/libblas.so.3': 'elf' },
    { Architecture: 'amd64', 'Multi-Arch': 'same' },
    `#!/bin/sh
update-alternatives --install /usr/lib/x86_64-linux-gnu/libblas.so.3 libblas /usr/lib/x86_64-linux-gnu/blas/libblas.so.3 10
update-alternatives --install /usr/out/escaped escaped /usr/bin/x 10
`,
  );
  await mkdir(join(folder, 'outside'));
  const tool = await makeDeb(folder, 'tool', { 'bin/tool': '#!/bin/sh\n', 'usr/out': `-> ${folder}/outside` });
  await writeFile(join(folder, 'python3-curd_1.0_all.deb'), 'deb');
  const ports = madePorts(folder, { debs: [lib, tool] });
  const request = {
    id: '7',
    folder: join(folder, 'check'),
    debs: [join(folder, 'python3-curd_1.0_all.deb')],
    relations: ['libblas3 (>= 1)', 'tool'],
    package: 'python3-curd',
    distribution: 'curd',
    version: '1.0',
    modules: ['curd'],
    scripts: ['/usr/bin/curd'],
  };
  const { input, closure } = await stageCheck(request, ports, signal);
  expect(closure.map((deb) => deb.package)).toEqual(['libblas3', 'tool']);
  expect(JSON.parse(await readFile(join(input, 'job.json'), 'utf8'))).toMatchObject({
    kind: 'check',
    layers: ['layers/00-official', 'layers/99-dpkg-status'],
    debs: ['debs/python3-curd_1.0_all.deb'],
    package: 'python3-curd',
  });
  const official = join(input, 'layers/00-official');
  expect(await readlink(join(official, 'usr/lib/x86_64-linux-gnu/libblas.so.3'))).toBe('/etc/alternatives/libblas');
  expect(await readlink(join(official, 'etc/alternatives/libblas'))).toBe(
    '/usr/lib/x86_64-linux-gnu/blas/libblas.so.3',
  );
  expect((await lstat(join(official, 'usr/bin/tool'))).isFile()).toBe(true);
  const dpkg = join(input, 'layers/99-dpkg-status/var/lib/dpkg');
  const status = await readFile(join(dpkg, 'status'), 'utf8');
  expect(status.match(/^Package: .*\nStatus: install ok installed$/gm)).toHaveLength(3);
  expect((await readdir(join(dpkg, 'info'))).toSorted()).toEqual(['libblas3:amd64.list', 'tool.list']);
  expect(await readFile(join(dpkg, 'info/tool.list'), 'utf8')).toBe('/.\n/bin\n/bin/tool\n/usr\n/usr/out\n');
  expect(await readdir(join(folder, 'outside'))).toEqual([]);
  expect((await stat(join(input, 'debs/python3-curd_1.0_all.deb'))).size).toBe(3);
});
