import { execa } from 'execa';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PLAIN_SUITE } from '../host/settings.ts';
import type { AptRoot, Deb } from './apt.ts';
import { openArchiveIndex } from './archive-index.ts';

const CONTENTS = `bin/ls                                              utils/coreutils
usr/bin/six-tool                                    python/python3-six,python/aaa-six
usr/bin/vanished                                    python/python3-vanished
usr/include/x86_64-linux-gnu/gmp.h                  libdevel/libgmp-dev
usr/lib/python3.11/asyncio/__init__.py              python/libpython3.11-stdlib
usr/lib/python3.11/os.py                            python/libpython3.11-minimal
usr/lib/python3.11/stray.py                         science/python3-six
usr/lib/python3/dist-packages/six-1.16.0.egg-info   python/python3-six
usr/lib/python3/dist-packages/six.py                python/python3-six
usr/lib/x86_64-linux-gnu/pkgconfig/libffi.pc        libdevel/libgmp-dev
usr/share/doc/six/README                            python/python3-six
usr/share/six/über data                             python/python3-six
`;
const VERSIONS: Record<string, string> = {
  coreutils: '9.1-1',
  'aaa-six': '1',
  'python3-six': '1.16.0-4',
  'libgmp-dev': '2:6.2.1-1',
  'libpython3.11-stdlib': '3.11.2-6',
  'libpython3.11-minimal': '3.11.2-6',
  python3: '3.11.2-1+b1',
  'python3.11': '3.11.2-6+deb12u6',
  'dh-python': '5',
  'python3-bar': '3.0-1',
};
const signal = new AbortController().signal;
let folder = '';
let fetched = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-archive-'));
  const shipped = join(folder, 'dh/usr/share/dh-python/dist');
  await mkdir(shipped, { recursive: true });
  await mkdir(join(folder, 'dh/DEBIAN'));
  await writeFile(join(shipped, 'cpython3_fallback'), 'Bar python3-bar\n');
  await writeFile(
    join(folder, 'dh/DEBIAN/control'),
    'Package: dh-python\nVersion: 5\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n',
  );
  await execa('dpkg-deb', ['--root-owner-group', '--build', join(folder, 'dh'), join(folder, 'dh.deb')]);
  const stanzas = Object.entries(VERSIONS).map(
    ([name, version]) => `Package: ${name}\nVersion: ${version}\nArchitecture: all\n`,
  );
  await writeFile(list('bookworm_main_binary-amd64_Packages'), stanzas.join('\n'));
  await writeFile(list('bookworm_main_Contents-all.gz'), gzipSync(CONTENTS));
  await writeFile(list('bookworm_InRelease'), 'Origin: Debian\nVersion: 12.15\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function list(name: string): string {
  return join(folder, `mirror_debian_dists_${name}`);
}

function root(): AptRoot {
  const deb: Deb = {
    package: 'dh-python',
    version: '5',
    architecture: 'all',
    filename: '',
    uri: '',
    sha256: '',
    bytes: 1,
  };
  return {
    target: { suite: 'bookworm', architecture: 'amd64' },
    folder,
    settings: PLAIN_SUITE,
    configFile: '',
    sourcesFile: '',
    update: async () => ({ updated: false, notes: [] }),
    closure: async () => [deb],
    fetch: async () => {
      fetched += 1;
      return [join(folder, 'dh.deb')];
    },
    lists: async () => ({
      inReleases: [list('bookworm_InRelease')],
      packages: [list('bookworm_main_binary-amd64_Packages')],
      contents: [list('bookworm_main_Contents-all.gz')],
    }),
  };
}

test('an index answers from made-up lists, is kept, and is made anew when the InRelease changes', async () => {
  const archive = await openArchiveIndex(root(), signal);
  expect(archive.facts).toEqual({
    suite: 'bookworm',
    architecture: 'amd64',
    python: '3.11',
    pythonFull: '3.11.2',
    suiteTag: 'deb12',
  });
  const six = { package: 'python3-six', packageVersion: '1.16.0-4', upstreamVersion: '1.16.0', architecture: 'all' };
  expect(archive.dists('six')).toEqual([{ project: 'six', ...six }]);
  expect(archive.dists('bar').map((dist) => dist.upstreamVersion)).toEqual(['3.0']);
  expect(archive.dists('ftfy')).toEqual([]);
  expect(archive.hasPackage('python3-six')).toBe(true);
  expect(archive.hasPackage('python3-ftfy')).toBe(false);
  expect(archive.packageVersion('libgmp-dev')).toBe('2:6.2.1-1');
  expect(archive.moduleOwner('/usr/lib/python3/dist-packages/six/x.py')).toBe('python3-six');
  expect(archive.moduleOwner('ftfy/__init__.py')).toBeUndefined();
  expect(['os', 'asyncio', 'sys', 'stray', 'six'].map((name) => archive.stdlibModules.has(name))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(['/usr/bin/ls', '/bin/six-tool', '/usr/bin/vanished'].map((path) => archive.programOwner(path))).toEqual([
    'coreutils',
    'aaa-six',
    undefined,
  ]);
  const paths = [
    '/bin/ls',
    '/usr/bin/ls',
    '/usr/lib/python3/dist-packages/six.py',
    '/usr/share/six/über data',
    '/usr/share/six/x',
  ];
  expect(paths.map((path) => archive.fileOwner(path))).toEqual([
    'coreutils',
    'coreutils',
    'python3-six',
    'python3-six',
    undefined,
  ]);
  expect(await archive.developmentFiles((path) => /\/(?:gmp\.h|libffi\.pc|ls|six-tool)$/.test(path), signal)).toEqual([
    { path: '/usr/bin/ls', package: 'coreutils' },
    { path: '/usr/bin/six-tool', package: 'python3-six' },
    { path: '/usr/bin/six-tool', package: 'aaa-six' },
    { path: '/usr/include/x86_64-linux-gnu/gmp.h', package: 'libgmp-dev' },
    { path: '/usr/lib/x86_64-linux-gnu/pkgconfig/libffi.pc', package: 'libgmp-dev' },
  ]);

  expect((await openArchiveIndex(root(), signal)).dists('six')).toHaveLength(1);
  expect(fetched).toBe(1);
  await writeFile(list('bookworm_InRelease'), 'Origin: Debian\nVersion: 12.16\n');
  await openArchiveIndex(root(), signal);
  expect(fetched).toBe(2);
  const names = await readdir(join(folder, 'index'));
  expect(names.filter((name) => !/\.(?:json|paths|development)$/.test(name))).toEqual([]);
});

test('a mirror without Contents lists is refused: what the suite provides would not be known', async () => {
  await writeFile(list('bookworm_InRelease'), 'Origin: Debian\nVersion: 12.165\n');
  const blind: AptRoot = {
    ...root(),
    lists: async () => ({ ...(await root().lists()), contents: [list('bookworm-updates_main_Contents-all.gz')] }),
  };
  await expect(openArchiveIndex(blind, signal)).rejects.toMatchObject({ code: 'mirror-failed' });
});

test('a suite without python3 is refused with a sentence, and nothing half-made stays', async () => {
  const packages = list('bookworm_other_Packages');
  await writeFile(packages, 'Package: x\nVersion: 1\nArchitecture: all\n');
  await writeFile(list('bookworm_InRelease'), 'Origin: Debian\nVersion: 12.17\n');
  const plain = root();
  const poor: AptRoot = { ...plain, lists: async () => ({ ...(await plain.lists()), packages: [packages] }) };
  const before = await readdir(join(folder, 'index'));
  await expect(openArchiveIndex(poor, signal)).rejects.toMatchObject({ code: 'bad-target' });
  expect(await readdir(join(folder, 'index'))).toEqual(before);
});

test('without lists the sentence says to update first', async () => {
  const bare: AptRoot = { ...root(), lists: async () => ({ inReleases: [], packages: [], contents: [] }) };
  await expect(openArchiveIndex(bare, signal)).rejects.toMatchObject({ code: 'mirror-failed' });
});
