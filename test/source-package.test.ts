import { execa } from 'execa';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chroot, openChroot } from './support/chroot.ts';
import { type EndedCommand, expectError, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// `rennet build --source`: the source package builds the same files with dpkg-buildpackage, without a network, in a clean system of the suite.

/** The first test on a machine makes the images and the system with debhelper. */
const SETUP_MS = 600_000;
const TOOLS = ['build-essential', 'debhelper', 'dh-python', 'pybuild-plugin-pyproject', 'python3-all-dev'];
const BACK_ENDS = ['python3-setuptools', 'python3-wheel'];
const SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n';

const SAME = ['Package', 'Version', 'Architecture', 'Maintainer', 'Section', 'Priority', 'Description'];

let index: DemoIndex;
let demo: DemoState;
let system: Chroot;
let folder: string;
let ended: EndedCommand;
/** The bytes of upstream, by project. */
const sdists = new Map<string, Buffer>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-source-'));
  [index, demo, system] = await Promise.all([
    startDemoIndex(),
    stateWithImages(),
    openChroot(folder, [...TOOLS, ...BACK_ENDS]),
  ]);
  const brie = await index.add({
    project: 'brie',
    version: '1.2.0rc1',
    metadataVersion: '2.1',
    files: {
      'pyproject.toml': SETUPTOOLS,
      'setup.cfg': [
        '[metadata]\nname = brie\nversion = 1.2.0rc1\ndescription = Cheese for ${misc:Depends} and $HOME',
        '[options]\npackages = brie, brie.data, tests\ninstall_requires = six',
        '[options.package_data]\nbrie.data = *.json',
        '[options.data_files]\nshare/man/man1 = brie.1\nshare/brie = rind.txt\netc = no.conf',
        '[options.entry_points]\nconsole_scripts =\n  brie = brie:main\n',
      ].join('\n'),
      'brie/__init__.py': 'def main(): print("brie")\n',
      'brie/data/__init__.py': '',
      'brie/data/a.json': '{}\n',
      'tests/__init__.py': '',
      'tests/test_brie.py': 'import brie\n',
      'brie.1': '.TH BRIE 1\n.SH NAME\nbrie \\- cheese\n',
      'rind.txt': 'white\n',
      'no.conf': 'x\n',
    },
  });
  const feta = await index.add({
    project: 'feta',
    files: {
      'pyproject.toml': '',
      'setup.py': `from setuptools import setup, Extension
setup(name='feta', version='1.0', packages=['feta'], ext_modules=[Extension('feta._salt', ['salt.c'])])
`,
      'salt.c': `#include <Python.h>
#include <math.h>
static PyObject *salt(PyObject *self, PyObject *value) { return PyFloat_FromDouble(sqrt(PyFloat_AsDouble(value))); }
static PyMethodDef methods[] = {{"salt", salt, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_salt", "", -1, methods};
PyMODINIT_FUNC PyInit__salt(void) { return PyModule_Create(&module); }
`,
      'feta/__init__.py': 'from ._salt import salt\n',
    },
    metadataVersion: '2.1',
  });
  sdists.set('brie', brie.bytes).set('feta', feta.bytes);
  await index.add({ project: 'wrapper', wheels: [{ tag: 'py3-none-any' }] });
  await index.add({
    project: 'gouda',
    files: {
      'pyproject.toml': '[build-system]\nrequires = ["wrapper"]\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    },
  });
  const args = [
    'build',
    '--driver',
    'namespace',
    '--allow-unisolated',
    '--jobs',
    '2',
    '--overcommit',
    '--source',
    '--output',
    folder,
  ];
  ended = await rennet([...args, 'brie==1.2.0rc1', 'feta', 'gouda', ...demo.args], {
    env: { ...index.env, TMPDIR: demo.temporary },
  });
  expect(ended.status, ended.stderr).toBe(0);
}, SETUP_MS);
afterAll(async () => {
  await system.close();
  await demo.close();
  await index.close();
  await rm(folder, { recursive: true });
});

const attempt = (project: string) =>
  ended.events.find((event) => event.event === 'attempt' && event['project'] === project) ?? { event: '' };

describe.each([
  ['brie', 'python-brie_1.2~rc1'],
  ['feta', 'python-feta_1.0'],
])('the source package of %s', (project, name) => {
  let built: string;
  beforeAll(async () => {
    const place = `/build-${project}`;
    // dpkg-source compares the files with what the .dsc says of them.
    await system.run(`mkdir ${place} && cd ${place} && dpkg-source -x ${String(attempt(project)['source'])} tree`);
    await system.run(`cd ${place}/tree && unshare --net dpkg-buildpackage -us -uc -b`);
    built = (await system.run(`ls ${place}/python3-${project}_*.deb`)).trim();
  }, SETUP_MS);

  test('has upstream as it is, a folder debian/ and a description', async () => {
    const version = String(attempt(project)['packageVersion']);
    expect(String(attempt(project)['source'])).toBe(join(folder, `python-${project}_${version}.dsc`));
    expect(await readdir(folder)).toEqual(
      expect.arrayContaining([`${name}.orig.tar.gz`, `python-${project}_${version}.debian.tar.xz`]),
    );
    expect(await readFile(join(folder, `${name}.orig.tar.gz`))).toEqual(sdists.get(project));
  });

  test('builds the same files', async () => {
    const own = await execa('dpkg-deb', ['--contents', String(attempt(project)['file'])]);
    const theirs = await system.run(`dpkg-deb --contents ${built}`);
    expect(filesOf(theirs)).toEqual(filesOf(own.stdout));
    expect(filesOf(theirs).length).toBeGreaterThan(4);
  });

  test('builds a package of the same version that depends on the same packages', async () => {
    const own = await execa('dpkg-deb', ['--field', String(attempt(project)['file']), ...SAME]);
    expect(await system.run(`dpkg-deb --field ${built} ${SAME.join(' ')}`)).toBe(own.stdout);
    const names = (text: string) => new Set(text.split(', ').map((relation) => relation.replace(/[ :].*/, '')));
    const depends = await execa('dpkg-deb', ['--field', String(attempt(project)['file']), 'Depends']);
    expect(names(await system.run(`dpkg-deb --field ${built} Depends`))).toEqual(names(depends.stdout));
  });

  test('builds a package that works', async () => {
    await system.run(`dpkg --unpack ${built} && cd / && python3 -c 'import ${project}'`);
  });
});

test('names with variables of dpkg-gencontrol stay text', async () => {
  const { stdout } = await execa('dpkg-deb', ['--field', String(attempt('brie')['file']), 'Description']);
  expect(stdout).toContain('Cheese for ${misc:Depends} and $HOME');
});

test('what no official package meets is said, in the folder and by rennet why', async () => {
  const dsc = String(attempt('gouda')['source']);
  const sentence = 'The build needs wrapper 1.0, which no official package of';
  const archive = join(dirname(dsc), basename(dsc).replace(/\.dsc$/, '.debian.tar.xz'));
  const { stdout } = await execa('tar', ['--extract', '--to-stdout', '--file', archive, 'debian/README.source']);
  expect(stdout.replaceAll('\n', ' ')).toContain(sentence);
  const why = await rennet(['why', 'gouda', ...demo.args], { plain: true });
  expect(why.stdout).toContain(`The source package is ${dsc}. ${sentence}`);
});

test('--output without --source is refused', async () => {
  expectError(await rennet(['build', 'brie', '--output', folder, ...demo.args]), 'bad-usage', 2);
});

/** Paths with kind and mode. Changelog and copyright are named as debhelper has them, and INSTALLER is the mark of who installed. */
function filesOf(listing: string): string[] {
  return listing
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(
      ([mode = 'd', , , , , path = '']) =>
        !mode.startsWith('d') && !/^\.\/usr\/share\/doc\/[^/]*\/[^/]*$|\/INSTALLER$/.test(path),
    )
    .map(([mode, , , , , path]) => `${mode} ${path}`)
    .toSorted();
}
