import type { DemoRelease, DemoWheel } from './demo-index.ts';

/** A release that loses something in silence, or one that only looks so. */
export interface SilentCase {
  readonly release: DemoRelease;
  /** Of a defect. */
  readonly rule?: string;
  readonly outcome?: string;
  readonly sentence?: RegExp;
}

const PURE = 'py3-none-any';
const COMPILED = 'cp312-cp312-manylinux2014_x86_64';
/** A wheel for one platform, so that no other can stand in its place. */
const bound = (wheel: Omit<DemoWheel, 'tag'> = {}): DemoWheel => ({ tag: 'py3-none-manylinux2014_x86_64', ...wheel });
const pure = (wheel: Omit<DemoWheel, 'tag'> = {}): DemoWheel => ({ tag: PURE, ...wheel });

/** Lines for `packing`: further files of the wheel, and the ones that its .dist-info has beside. */
function packs(project: string, files: Readonly<Record<string, string>>, entryPoints?: string): string {
  const info = `${project.replaceAll('-', '_')}-1.0.dist-info/entry_points.txt`;
  const all = { ...files, ...(entryPoints === undefined ? {} : { [info]: entryPoints }) };
  return `files.update(${JSON.stringify(all)})`;
}

const command = (target: string) => `[console_scripts]\n${target}\n`;

/** Compiles an empty extension module into the wheel. `library`: beside it one that no package has, to which it links. */
function compiles(project: string, suffix: string, tag: string, library = false): string {
  const module = project.replaceAll('-', '_');
  return `
import subprocess, sysconfig
open('x.c', 'w').write('''#include <Python.h>
${library ? 'int hidden(void);' : 'static int hidden(void) { return 1; }'}
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_fast", 0, -1, 0};
PyMODINIT_FUNC PyInit__fast(void) { hidden(); return PyModule_Create(&definition); }
''')
open('hidden.c', 'w').write('int hidden(void) { return 1; }')
subprocess.run(['gcc', '-shared', '-fPIC', '-Wl,-soname,libhidden.so.1', 'hidden.c', '-o', 'libhidden.so'], check=True)
links = ['-L.', '-lhidden'] if ${library ? 'True' : 'False'} else []
include = '-I' + sysconfig.get_path('include')
subprocess.run(['gcc', '-shared', '-fPIC', include, 'x.c', *links, '-o', 'x.so'], check=True)
suffix = ${suffix === '' ? "sysconfig.get_config_var('EXT_SUFFIX')" : `'${suffix}'`}
python = 'cp%s%s' % tuple(sysconfig.get_python_version().split('.'))
name = '${module}-1.0-' + ${tag} + '-linux_' + os.uname().machine + '.whl'
files['${module}.py'] += 'import ${module}_c._fast\\n'
files['${module}_c/__init__.py'] = ''
files['${module}_c/_fast' + suffix] = open('x.so', 'rb').read()`;
}

const SETUP = { 'setup.py': "setup(ext_modules=[Extension('a', ['a.c'])])", 'a.c': '' };

export const DEFECTS: readonly SilentCase[] = [
  {
    rule: 'content',
    release: {
      project: 'lost-content',
      packing: "del files['lost_content.py']\nfiles['lost_content/data.txt'] = 'x'",
    },
  },
  {
    rule: 'extension',
    sentence: /lacks the extension module lost_extension\/_fast, /,
    release: {
      project: 'lost-extension',
      wheels: [{ tag: COMPILED, files: { 'lost_extension/_fast.cpython-312-x86_64-linux-gnu.so': '' } }],
    },
  },
  {
    rule: 'extension',
    sentence: /holds their sources \(a\.c\)/,
    release: { project: 'lost-sources', files: SETUP },
  },
  {
    rule: 'files',
    sentence: /lacks 2 files .* has, lost_files\/data\.json, lost_files\/more\.py: the sdist does not hold/,
    release: {
      project: 'lost-files',
      wheels: [bound({ files: { 'lost_files/data.json': '{}', 'lost_files/more.py': '' } })],
    },
  },
  {
    rule: 'requirements-kept',
    sentence: /does not require six>=1/,
    release: {
      project: 'lost-requirement',
      metadataVersion: '2.1',
      wheels: [bound({ metadata: ['Requires-Dist: six>=1'] })],
    },
  },
  {
    rule: 'extras-kept',
    sentence: /has no extra fast/,
    release: { project: 'lost-extra', wheels: [bound({ metadata: ['Provides-Extra: fast'] })] },
  },
  {
    rule: 'entry-points-kept',
    sentence: /lacks the entry point p \[curd\.plugins\]/,
    release: { project: 'lost-plugin', wheels: [bound({ entryPoints: '[curd.plugins]\np = lost_plugin:P\n' })] },
  },
  {
    rule: 'entry-point-target',
    release: {
      project: 'lost-target',
      packing: packs('lost-target', { 'lost_target_p/__init__.py': '' }, '[curd.plugins]\np = lost_target_p.plug:P\n'),
    },
  },
  {
    rule: 'build-path',
    release: { project: 'lost-path', packing: "files['lost_path.py'] += 'HERE = %r\\n' % os.getcwd()" },
  },
  {
    rule: 'library-owner',
    outcome: 'build-failed',
    sentence: /_fast\S+ links to libhidden\.so\.1, /,
    release: { project: 'lost-library', packing: compiles('lost-library', '', "python + '-' + python", true) },
  },
  {
    rule: 'imports',
    sentence: /ModuleNotFoundError: No module named 'not_there'/,
    release: { project: 'lost-import', module: 'import not_there' },
  },
  {
    rule: 'imports',
    sentence: /it ends the interpreter with status 0/,
    release: { project: 'lost-exit', module: 'import sys\nsys.exit(0)' },
  },
  {
    rule: 'imports',
    sentence: /EOFError/,
    release: { project: 'lost-question', module: "input('Name? ')" },
  },
  {
    // The first module that is imported writes what the second one finds only in the current folder.
    rule: 'imports',
    sentence: /module lost_folder does not import .*'lost_beside'/,
    release: {
      project: 'lost-folder',
      module: 'import lost_beside',
      packing: packs('lost-folder', { 'a_lost_folder.py': "open('lost_beside.py', 'w').close()" }),
    },
  },
  {
    rule: 'scripts',
    sentence: /TypeError: main\(\) missing 1 required positional argument/,
    release: {
      project: 'lost-call',
      module: 'def main(asked): pass',
      packing: packs('lost-call', {}, command('lost-call = lost_call:main')),
    },
  },
  {
    rule: 'scripts',
    sentence: /No module named 'not_there'/,
    release: {
      project: 'lost-start',
      module: 'def main():\n    import not_there',
      packing: packs('lost-start', {}, command('lost-start = lost_start:main')),
    },
  },
];

/** Each comes near to one of the defects. */
export const HARMLESS: readonly SilentCase[] = [
  {
    release: {
      project: 'near-content',
      packing: "del files['near_content.py']\nfiles['near_content-stubs/__init__.pyi'] = 'x: int'",
    },
  },
  {
    release: {
      project: 'near-extension',
      wheels: [{ tag: COMPILED, files: { 'near_extension/_fast.cpython-312-x86_64-linux-gnu.so': '' } }, pure()],
      files: SETUP,
    },
  },
  {
    release: {
      project: 'near-sources',
      files: { 'setup.py': 'setup(ext_modules=[])', 'tests/a.c': '', 'src/_windows.c': '' },
    },
  },
  {
    release: {
      project: 'near-files',
      packing: packs('near-files', { 'docs/conf.py': '' }),
      wheels: [pure({ files: { 'near_files_tests/test_a.py': '', 'tests/__init__.py': '' } })],
    },
  },
  {
    release: {
      project: 'near-metadata',
      metadata: ['Requires-Dist: six', 'Provides-Extra: fast'],
      packing: packs('near-metadata', {}, '[curd.plugins]\np = somewhere.else:P\n'),
      wheels: [
        pure({
          metadata: [
            'Requires-Dist: SIX>=1',
            'Requires-Dist: colorama; sys_platform == "win32"',
            'Provides-Extra: Fast',
            'Provides-Extra: dev',
          ],
          entryPoints: '[curd.plugins]\np=other:P\n',
        }),
      ],
    },
  },
  {
    // The sdist gives less than upstream's pure wheel has: that one is taken.
    release: { project: 'from-wheel', wheels: [pure({ files: { 'from_wheel_data/table.json': '{}' } })] },
  },
  { release: { project: 'near-path', packing: "files['near_path.py'] += '# built in %s\\n' % os.getcwd()" } },
  {
    // Prints, writes into its home, leaves a process behind: none of that keeps a module from being imported.
    release: {
      project: 'near-import',
      module: `import os, sys, time
print('hello')
open(os.path.expanduser('~/near'), 'w').close()
assert sys.argv == ['-c'], sys.argv
if os.fork() == 0:
    os.setsid()
    time.sleep(60)`,
    },
  },
  {
    // Ends with a status of its own, has no --help, opens what is not there: its own business.
    release: {
      project: 'near-scripts',
      module: `import sys
def main(): sys.exit('usage: near-scripts FILE')
def opens(): open('/no/such/file')`,
      packing: packs('near-scripts', {}, command('near-scripts = near_scripts:main\nnear-opens = near_scripts:opens')),
    },
  },
  {
    // Upstream itself ships a command without a function: the package has none of it.
    release: {
      project: 'near-function',
      packing: packs('near-function', {}, command('near-function = near_function:absent')),
    },
  },
  {
    // Nobody declared setuptools while every environment had it.
    release: { project: 'near-setuptools', module: 'import pkg_resources' },
  },
  {
    release: {
      project: 'near-extra',
      metadata: ['Provides-Extra: cli', 'Requires-Dist: not-there; extra == "cli"'],
      module: 'def main():\n    import not_there',
      packing: packs('near-extra', {}, command('near-extra = near_extra:main')),
    },
  },
  {
    release: {
      project: 'near-architecture',
      metadata: ["Requires-Dist: six; platform_machine == 'x86_64' or platform_machine == 'aarch64'"],
    },
  },
  { release: { project: 'compiled-abi', packing: compiles('compiled-abi', '', "python + '-' + python") } },
  { release: { project: 'compiled-abi3', packing: compiles('compiled-abi3', '.abi3.so', "'cp38-abi3'") } },
];
