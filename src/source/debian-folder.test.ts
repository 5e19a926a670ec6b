import { describe, expect, test } from 'vitest';
import { parseStanzas } from '../debian/deb822.ts';
import { type DebianFolder, debianFolder } from './debian-folder.ts';

const CONTROL = `Package: python3-curd
Version: 1.0-0~pypi1~deb12
Architecture: all
Maintainer: Rennet <rennet@example.org>
Installed-Size: 3
Depends: python3:any, python3-six
Suggests: python3-whey
Provides: pypi-dist-curd (= 1.0-0~pypi1~deb12)
Section: python
Priority: optional
Homepage: https://curd.example.org/
Description: Curd for \${misc:Depends}
 Costs $5 and \${F:x}.
 .
 More.
`;

function folder(more: Partial<DebianFolder> = {}, fields: Partial<DebianFolder['fields']> = {}): DebianFolder {
  const [binary = new Map<string, string>()] = parseStanzas(CONTROL);
  return {
    fields: {
      source: 'python-curd',
      version: '1.0-0~pypi1~deb12',
      maintainer: 'Rennet <rennet@example.org>',
      buildDepends: ['debhelper-compat (= 13)', 'python3-all'],
      architecture: 'all',
      binary,
      depends: ['${misc:Depends}', '${python3:Depends}', 'python3-six'],
      ...fields,
    },
    project: 'curd',
    release: '1.0',
    suite: 'bookworm',
    epoch: 0,
    copyright: 'Format: x\n',
    environment: { PBR_VERSION: '1.0' },
    layout: { removed: [], moved: [] },
    packages: [],
    notes: [],
    ...more,
  };
}

const textOf = (of: DebianFolder, name: string) =>
  debianFolder(of).find((file) => file.name === `debian/${name}`)?.text;

test('control has the fields of the package, and no variable that upstream wrote', () => {
  expect(textOf(folder(), 'control')).toBe(`Source: python-curd
Section: python
Priority: optional
Maintainer: Rennet <rennet@example.org>
Build-Depends: debhelper-compat (= 13), python3-all
Standards-Version: 4.6.2
Rules-Requires-Root: no
Homepage: https://curd.example.org/

Package: python3-curd
Architecture: all
Depends: \${misc:Depends}, \${python3:Depends}, python3-six
Suggests: python3-whey
Description: Curd for \${}{misc:Depends}
 Costs $5 and \${}{F:x}.
 .
 More.
`);
});

test('only rules is a program; files without content are left out', () => {
  expect(debianFolder(folder()).map(({ name, mode }) => [name, mode])).toEqual([
    ['debian/README.source', 0o644],
    ['debian/changelog', 0o644],
    ['debian/control', 0o644],
    ['debian/copyright', 0o644],
    ['debian/rules', 0o755],
    ['debian/source/format', 0o644],
    ['debian/source/options', 0o644],
  ]);
});

test('names of files stand in files of their own, never in a recipe', () => {
  const layout = { removed: ['usr/bin/$(rm -rf x) `y`'], moved: [{ from: 'usr/a b', to: 'usr/$c' }] };
  expect(textOf(folder({ layout }), 'rules')).not.toMatch(/rm -rf x|\$c\b/);
  expect(textOf(folder({ layout }), 'left-out')).toBe('usr/bin/$(rm -rf x) `y`\n');
  expect(textOf(folder({ layout }), 'moved')).toBe('usr/a b\tusr/$c\n');
});

describe('refused', () => {
  test.each<[string, DebianFolder]>([
    ['a version that is make code', folder({ environment: { PBR_VERSION: '1.0$(shell x)' } })],
    ['a variable that is none', folder({ environment: { 'A = b\nexport C': '1' } })],
    ['a path of two lines', folder({ layout: { removed: ['usr/a\nusr'], moved: [] } })],
    ['a path out of the package', folder({ layout: { removed: ['etc/passwd'], moved: [] } })],
    ['a tab in a path', folder({ layout: { removed: [], moved: [{ from: 'usr/a\tb', to: 'usr/c' }] } })],
    ['a relation with a variable', folder({}, { depends: ['${source:Version}'] })],
    ['two relations in one', folder({}, { buildDepends: ['a1, b1'] })],
    ['a source that is no name', folder({}, { source: 'x\nY: z' })],
    ['a maintainer of two lines', folder({}, { maintainer: 'A <a@example.org>\nB: c' })],
  ])('%s', (_, bad) => {
    expect(() => debianFolder(bad)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(?:defect|bad-)/) }),
    );
  });
});
