import { expect, test } from 'vitest';
import type { Deb } from '../debian/apt.ts';
import { RennetError } from '../model/errors.ts';
import type { Missing } from '../model/missing.ts';
import { lookUp } from './look-up.ts';

const FILES: readonly (readonly [string, string])[] = [
  ['/usr/include/a.h', 'libbig-a-dev'],
  ['/usr/include/a.h', 'libsmall-a-dev'],
  ['/usr/include/a.h', 'libother-a-dev'],
  ['/usr/include/b.h', 'libconflict-dev'],
  ['/usr/include/sub/c.h', 'libc-dev-quiet'],
  ['/usr/include/sub/d.h', 'libtells-dev'],
  ['/usr/bin/tells-config', 'libtells-dev'],
  ['/usr/include/gone.h', 'libgone-dev'],
];
const BYTES: Record<string, number> = {
  'libbig-a-dev': 9,
  'libsmall-a-dev': 5,
  'libother-a-dev': 5,
  'libtells-dev': 1,
};
const files = FILES.map(([path, name]) => ({ path, package: name }));
const facts = {
  suite: 'bookworm',
  architecture: 'amd64',
  python: '3.11',
  pythonFull: '3.11.2',
  suiteTag: 'deb12',
} as const;
const archive = {
  facts,
  hasPackage: (name: string) => name !== 'libgone-dev',
  packageVersion: () => '1.0-1',
  developmentFiles: (wanted: (path: string, owner: string) => boolean) =>
    Promise.resolve(files.filter((file) => wanted(file.path, file.package))),
  moduleOwner: (path: string) => (path === 'yaml/x' ? 'python3-yaml' : undefined),
  fileOwner: (path: string) => (path === '/usr/lib/x86_64-linux-gnu/libq.so.5' ? 'libtells-dev' : undefined),
};

function look(kind: Missing['kind'], name: string, present: readonly string[] = []) {
  const closure = ([relation = '']: readonly string[]) => {
    const bytes = BYTES[relation];
    if (bytes === undefined) return Promise.reject(new RennetError('unmet-relations', 'no'));
    return Promise.resolve([{ package: relation, bytes } as Deb]);
  };
  return lookUp({ kind, name }, { archive, closure, present: new Set(present) }, new AbortController().signal);
}

test.each([
  ['the smallest, then the first by name', 'header', 'a.h', 'libother-a-dev'],
  ['a folder of its own that a program tells', 'header', 'd.h', 'libtells-dev'],
  ['a library by its file', 'shared-library', 'libq.so.5', 'libtells-dev'],
] as const)('%s', async (_, kind, name, found) => {
  expect((await look(kind, name)).package).toBe(found);
});

test.each([
  ['a folder of its own that nothing tells', 'header', 'c.h', 'No package of bookworm has the header c.h.'],
  ['a package that the suite has no more', 'header', 'gone.h', 'No package of bookworm has the header gone.h.'],
  [
    'what apt cannot add',
    'header',
    'b.h',
    'libconflict-dev of bookworm has the header b.h, but cannot be installed beside the compilers.',
  ],
  [
    'a name that leads elsewhere',
    'header',
    '../../etc/passwd',
    'No package of bookworm has the header ../../etc/passwd.',
  ],
  ['a module', 'module', 'os; import x', /^No package of bookworm has the Python module os; import x; where a project/],
] as const)('%s is a final answer', async (_, kind, name, sentence) => {
  expect(await look(kind, name)).toEqual({
    missing: { kind, name },
    sentence: expect.stringMatching(sentence) as string,
  });
});

test('what is there already does not help', async () => {
  expect(await look('header', 'a.h', ['libbig-a-dev'])).toEqual({
    missing: { kind: 'header', name: 'a.h' },
    sentence: 'libbig-a-dev of bookworm has the header a.h and is there, which does not help.',
  });
});
