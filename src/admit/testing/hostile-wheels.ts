import type { Recipe } from '../../model/recipe.ts';
import { elfFile } from './elf.ts';
import { distInfo, type Member } from './wheel.ts';

/** A made-up wheel that breaks one rule. */
export interface HostileWheel {
  readonly rule: string;
  /** What is tried. */
  readonly trick: string;
  /** Beside a harmless module and the dist-info, unless `bare`. */
  readonly members: readonly Member[];
  readonly bare?: true;
  readonly wheelName?: string;
  readonly recipe?: Partial<Recipe>;
  readonly sharedLibraries?: readonly string[];
}

const file = (name: string, content: string | Uint8Array = 'x = 1\n', mode?: number): Member => ({
  name,
  content,
  ...(mode === undefined ? {} : { mode }),
});
const binary = (choice?: Parameters<typeof elfFile>[0], name = 'curd/_x.so'): Member[] => [file(name, elfFile(choice))];
const DATA = 'curd-1.0.data';
const INFO = 'curd-1.0.dist-info';
const CODE = 'import os; os.system("id")\n';
const MEGABYTES_480 = 480 * 1024 ** 2;

/** At least one for each rule of the table. */
export const HOSTILE_WHEELS: readonly HostileWheel[] = [
  { rule: 'archive', trick: 'a symbolic link', members: [file('curd/x', '/etc/shadow', 0o120777)] },
  { rule: 'archive', trick: 'a device', members: [file('curd/x', '', 0o020666)] },
  { rule: 'archive', trick: 'a name twice', members: [file('curd/__init__.py')] },
  { rule: 'archive', trick: 'a name with ..', members: [file('../../etc/cron.d/x')] },
  { rule: 'archive', trick: 'data with ..', members: [file(`${DATA}/data/../../../etc/cron.d/x`)] },
  { rule: 'archive', trick: 'absolute data', members: [file(`${DATA}/data//etc/cron.d/x`)] },
  { rule: 'archive', trick: 'an absolute name', members: [file('/etc/passwd')] },
  { rule: 'archive', trick: 'a line end in a name', members: [file('curd/a\nb.py')] },
  {
    rule: 'too-many-files',
    trick: '50,001 files',
    members: Array.from({ length: 50_001 }, (_, index) => file(`curd/${index}`, '')),
  },
  {
    rule: 'too-large',
    trick: 'more than 4 GiB',
    members: [
      file('curd/padding', new Uint8Array(26 * 1024 ** 2)),
      ...Array.from({ length: 9 }, (_, index) => ({ ...file(`curd/${index}`, ''), claimedBytes: MEGABYTES_480 })),
    ],
  },
  { rule: 'dist-info', trick: 'no dist-info', bare: true, members: [file('curd.py')] },
  { rule: 'dist-info', trick: 'two of them', members: distInfo({ name: 'other' }) },
  {
    rule: 'metadata',
    trick: 'latin-1',
    bare: true,
    members: [
      file('curd.py'),
      file(
        `${INFO}/METADATA`,
        Buffer.from('Metadata-Version: 2.1\nName: curd\nVersion: 1.0\nAuthor: J\xfcrgen\n', 'latin1'),
      ),
      ...distInfo().filter(({ name }) => !name.endsWith('METADATA')),
    ],
  },
  {
    rule: 'metadata',
    trick: 'no name',
    bare: true,
    members: [file('curd.py'), ...distInfo({ metadata: 'Version: 1.0\n' })],
  },
  {
    rule: 'metadata',
    trick: 'entry points without a group',
    members: [file(`${INFO}/entry_points.txt`, 'a = b:c\n')],
  },
  { rule: 'identity', trick: 'the file name of another project', members: [], wheelName: 'whey-1.0-py3-none-any.whl' },
  { rule: 'identity', trick: 'the file name of another version', members: [], wheelName: 'curd-1.1-py3-none-any.whl' },
  { rule: 'identity', trick: 'no wheel name', members: [], wheelName: 'curd-1.0.zip' },
  {
    rule: 'identity',
    trick: 'the folder of another version',
    bare: true,
    members: [
      file('curd.py'),
      ...distInfo({ version: '1.1', metadata: 'Metadata-Version: 2.1\nName: curd\nVersion: 1.0\n' }),
    ],
  },
  {
    rule: 'identity',
    trick: 'the metadata of another project',
    bare: true,
    members: [file('curd.py'), ...distInfo({ metadata: 'Metadata-Version: 2.1\nName: whey\nVersion: 1.0\n' })],
  },
  {
    rule: 'wheel-version',
    trick: 'format 2',
    bare: true,
    members: [file('curd.py'), ...distInfo({ wheel: 'Wheel-Version: 2.0\n' })],
  },
  { rule: 'wheel-tag', trick: 'another ABI', members: [], wheelName: 'curd-1.0-cp312-cp312-linux_x86_64.whl' },
  { rule: 'wheel-tag', trick: 'another platform', members: [], wheelName: 'curd-1.0-cp311-cp311-win_amd64.whl' },
  { rule: 'wheel-tag', trick: 'Python 2', members: [], wheelName: 'curd-1.0-py2-none-any.whl' },
  {
    rule: 'official-package',
    trick: 'the name of an official package',
    members: [],
    recipe: { package: 'python3-zipp' },
  },
  { rule: 'look-alike', trick: 'rn for m', members: [], recipe: { package: 'python3-rnodem' } },
  {
    rule: 'prebuilt-binary',
    trick: 'a binary in an upstream wheel',
    members: binary(),
    recipe: { source: { filename: 'curd-1.0-py3-none-any.whl', url: 'https://index.example.org/w', kind: 'wheel' } },
  },
  { rule: 'shared-library', trick: 'a package that is not official', members: [], sharedLibraries: ['evil (>= 1)'] },
  { rule: 'shared-library', trick: 'two relations in one', members: [], sharedLibraries: ['libc6, libgcc-s1'] },
  { rule: 'shared-library', trick: 'a line end', members: [], sharedLibraries: ['libc6\nEssential: yes'] },
  { rule: 'data-key', trick: 'an unknown part of .data', members: [file(`${DATA}/sbin/x`)] },
  { rule: 'dist-info-extra', trick: 'direct_url.json', members: [file(`${INFO}/direct_url.json`, '{}')] },
  { rule: 'dist-info-extra', trick: 'an installer of its own', members: [file(`${INFO}/INSTALLER`, 'pip')] },
  { rule: 'headers', trick: 'a header', members: [file(`${DATA}/headers/curd.h`)] },
  { rule: 'headers', trick: 'a header as data', members: [file(`${DATA}/data/include/curd.h`)] },
  { rule: 'data-place', trick: 'a library', members: [file(`${DATA}/data/lib/libcurd.so`)] },
  { rule: 'data-place', trick: 'a service for D-Bus', members: [file(`${DATA}/data/share/dbus-1/services/x.service`)] },
  { rule: 'data-place', trick: 'an autostart entry', members: [file(`${DATA}/data/share/autostart/x.desktop`)] },
  { rule: 'data-place', trick: 'a MIME type', members: [file(`${DATA}/data/share/mime/packages/curd.xml`)] },
  {
    rule: 'data-place',
    trick: 'a completion for a command of others',
    members: [file(`${DATA}/data/share/bash-completion/completions/sudo`)],
  },
  {
    rule: 'data-place',
    trick: 'a completion for any command',
    members: [file(`${DATA}/data/share/zsh/site-functions/_curd`)],
  },
  {
    rule: 'data-place',
    trick: 'a completion for a command that is left out',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nchardet = curd:main\n'),
      file(`${DATA}/data/share/fish/completions/chardet.fish`),
    ],
  },
  {
    rule: 'data-place',
    trick: 'a completion for an alternative',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nwhich = curd:main\n'),
      file(`${DATA}/data/share/bash-completion/completions/which`),
    ],
  },
  {
    rule: 'data-place',
    trick: 'texts of another domain',
    members: [file(`${DATA}/data/share/locale/de/LC_MESSAGES/coreutils.mo`)],
  },
  { rule: 'data-place', trick: "another package's folder", members: [file(`${DATA}/data/share/whey/x`)] },
  { rule: 'file-name', trick: 'a name that reads backwards', members: [file('curd/\u202egnp.py')] },
  { rule: 'set-id', trick: 'a set-uid script', members: [file(`${DATA}/scripts/x`, '#!/bin/sh\n', 0o104755)] },
  { rule: 'elf-object', trick: 'an object file', members: binary({ type: 1 }, 'curd/x.o') },
  { rule: 'elf-malformed', trick: 'a header cut short', members: [file('curd/_x.so', elfFile().subarray(0, 40))] },
  { rule: 'elf-malformed', trick: 'a core file', members: binary({ type: 4 }) },
  { rule: 'elf-architecture', trick: 'arm64 code on amd64', members: binary({ machine: 183 }) },
  { rule: 'elf-interpreter', trick: 'a loader of its own', members: binary({ interpreter: '/tmp/ld.so' }) },
  { rule: 'elf-search-path', trick: 'an absolute search path', members: binary({ runpath: '/tmp/lib' }) },
  { rule: 'elf-search-path', trick: 'a way out of the tree', members: binary({ runpath: '$ORIGIN/../../../../tmp' }) },
  { rule: 'elf-search-path', trick: 'the working folder', members: binary({ runpath: '$ORIGIN:' }) },
  { rule: 'elf-search-path', trick: 'a look-alike of $ORIGIN', members: binary({ runpath: '$ORIGINAL/x' }) },
  { rule: 'elf-stack', trick: 'an executable stack', members: binary({ stackFlags: 7 }) },
  { rule: 'elf-stack', trick: 'no word about the stack', members: binary({ stackFlags: undefined }) },
  { rule: 'byte-code', trick: 'a .pyc', members: [file('curd/x.pyc')] },
  { rule: 'byte-code', trick: 'a cache', members: [file('curd/__pycache__/x')] },
  {
    rule: 'namespace-init',
    trick: 'a declaration of pkgutil, one below the other',
    members: [
      file('milk/__init__.py', 'from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n'),
      file('milk/raw/__init__.py', "__import__('pkg_resources').declare_namespace(__name__)\n"),
      file('milk/raw/curd.py'),
    ],
  },
  {
    rule: 'namespace-init',
    trick: 'an empty file in a namespace of official packages',
    members: [file('google/__init__.py', '# Nothing.\n'), file('google/curd.py')],
  },
  { rule: 'generic-name', trick: 'a folder tests', members: [file('tests/__init__.py')] },
  { rule: 'generic-name', trick: 'a module of the name src', members: [file('src.py')] },
  { rule: 'nspkg-pth', trick: 'a namespace file', members: [file('curd-nspkg.pth', CODE)] },
  {
    rule: 'namespace-init',
    trick: 'a declared namespace',
    members: [file('milk/__init__.py', ''), file('milk/curd.py'), file(`${INFO}/namespace_packages.txt`, 'milk\n')],
  },
  { rule: 'pth-code', trick: 'code', members: [file('x.pth', `# comment\n${CODE}`)] },
  { rule: 'pth-code', trick: 'code after a tab', members: [file('x.pth', 'import\tos\n')] },
  { rule: 'pth-code', trick: 'code after a byte order mark', members: [file('x.pth', `\ufeff${CODE}`)] },
  { rule: 'pth-code', trick: 'code after an old line end', members: [file('x.pth', `x\r${CODE}`)] },
  {
    rule: 'pth-code',
    trick: 'code that begins after 64 KiB',
    members: [file('x.pth', `${'#\n'.repeat(40_000)}${CODE}`)],
  },
  { rule: 'pth-code', trick: 'code by way of .data', members: [file(`${DATA}/platlib/x.pth`, CODE)] },
  { rule: 'pth-path', trick: 'a path', members: [file('x.pth', '/tmp/modules\n')] },
  { rule: 'foreign-metadata', trick: 'an egg-info', members: [file('other.egg-info/PKG-INFO')] },
  {
    rule: 'foreign-metadata',
    trick: 'a dist-info by way of .data',
    members: [file(`${DATA}/purelib/other-1.dist-info/METADATA`)],
  },
  { rule: 'site-customize', trick: 'a module', members: [file('sitecustomize.py')] },
  { rule: 'site-customize', trick: 'a folder', members: [file('usercustomize/__init__.py')] },
  {
    rule: 'site-customize',
    trick: 'an extension',
    members: binary({}, 'sitecustomize.cpython-311-x86_64-linux-gnu.so'),
  },
  { rule: 'stdlib-module', trick: 'a module', members: [file('json.py')] },
  { rule: 'stdlib-module', trick: 'a folder', members: [file('os/x.txt')] },
  { rule: 'stray-file', trick: 'a README', members: [file('README.md')] },
  {
    rule: 'foreign-extension',
    trick: 'an extension for PyPy',
    members: binary({}, 'curd/_x.pypy39-pp73-x86_64-linux-gnu.so'),
  },
  {
    rule: 'reserved-document',
    trick: 'a copyright file of its own',
    members: [file(`${DATA}/data/share/doc/curd/copyright`)],
  },
  { rule: 'official-module', trick: 'a folder for a module', members: [file('zipp/x.py')] },
  { rule: 'official-module', trick: 'a module', members: [file('zipp.py')] },
  { rule: 'official-module', trick: 'an extension', members: binary({}, 'zipp.abi3.so') },
  { rule: 'official-module', trick: 'below a namespace', members: [file('google/cloud/x.py')] },
  { rule: 'official-namespace', trick: 'a module in the place of a namespace', members: [file('google.py')] },
  { rule: 'official-namespace', trick: 'code in a namespace', members: [file('google/__init__.py')] },
  { rule: 'official-data', trick: 'the manual of ls', members: [file(`${DATA}/data/share/man/man1/ls.1`)] },
  { rule: 'official-path', trick: 'a file of a namespace', members: [file('google/README.md')] },
  { rule: 'script-name', trick: 'an option for a name', members: [file(`${DATA}/scripts/-rf`, '#!python\n')] },
  { rule: 'script-name', trick: 'a folder', members: [file(`${DATA}/scripts/a/b`, '#!python\n')] },
  { rule: 'script-interpreter', trick: 'Perl', members: [file(`${DATA}/scripts/x`, '#!/usr/bin/perl\n')] },
  { rule: 'script-interpreter', trick: 'Python 2', members: [file(`${DATA}/scripts/x`, '#!/usr/bin/env python2\n')] },
  { rule: 'script-interpreter', trick: 'a batch file', members: [file(`${DATA}/scripts/x.bat`, '@echo off\n')] },
  { rule: 'official-program', trick: 'a script', members: [file(`${DATA}/scripts/chardet`, '#!python\n')] },
  { rule: 'official-program', trick: 'an alternative', members: [file(`${DATA}/scripts/awk`, '#!python\n')] },
  {
    rule: 'official-program',
    trick: 'an entry point',
    members: [file(`${INFO}/entry_points.txt`, '[gui_scripts]\nchardet = curd:main\n')],
  },
  {
    rule: 'command-twin',
    trick: 'a script beside an entry point',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nCurd = curd:main\n'),
      file(`${DATA}/scripts/curd`, '#!python\n'),
    ],
  },
  { rule: 'path-twins', trick: 'two by case', members: [file('curd/A.py'), file('curd/a.py')] },
  { rule: 'path-twins', trick: 'two by form', members: [file('curd/\u00e9.py'), file('curd/e\u0301.py')] },
  { rule: 'path-twins', trick: 'one path by way of .data', members: [file(`${DATA}/purelib/curd/__init__.py`)] },
  {
    rule: 'file-as-folder',
    trick: 'a folder by way of .data',
    members: [file('curd/a.py'), file(`${DATA}/purelib/curd/a.py/b.py`)],
  },
  { rule: 'published-module', trick: 'a module of another project', members: [file('taken/__init__.py')] },
  { rule: 'published-module', trick: 'a part of one', members: [file('taken/deep/x.py')] },
  { rule: 'published-program', trick: 'a script', members: [file(`${DATA}/scripts/taken`, '#!python\n')] },
  {
    rule: 'published-program',
    trick: 'an entry point',
    members: [file(`${INFO}/entry_points.txt`, '[console_scripts]\ntaken = curd:main\n')],
  },
  { rule: 'published-path', trick: 'a manual page', members: [file(`${DATA}/data/share/man/man1/taken.1`)] },
  { rule: 'published-path', trick: 'stubs', members: [file('taken-stubs/__init__.pyi')] },
  { rule: 'nothing-left', trick: 'metadata only', bare: true, members: distInfo() },
];
