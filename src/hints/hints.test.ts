import { expect, test } from 'vitest';
import type { RememberedHint } from '../model/hint.ts';
import { parseHints } from './hints-file.ts';
import { joinHints } from './join-hints.ts';

const FILE = `# what builds here need
[project.PyGObject]
build-depends = ["libgirepository1.0-dev"]
depends = ["gir1.2-glib-2.0 (>= 1.50)"]
imports = ["gi", "gi.repository"]
test-command = "python3 -m pytest -q tests"

[[project.two]]
specifier = "<2"
build-requires = ["setuptools<82"]
[[project.two]]
specifier = ">=2"
suites = ["trixie"]
build-depends = ["libtwo-dev"]
`;
const hints = parseHints(FILE, 'hints.toml');
const row: RememberedHint = {
  project: 'pygobject',
  suite: 'bookworm',
  kind: 'build-package',
  value: 'libffi-dev',
  origin: 'learned',
  version: '3.40',
  reason: 'header ffi.h',
};
const of = (project: string, version: string, suite: string, rows: readonly RememberedHint[] = []) =>
  joinHints({ project, version, suite }, hints, rows);

test('the file and what is remembered are joined, each thing once', () => {
  const rows = [row, { ...row, value: 'libgirepository1.0-dev' }, { ...row, suite: 'trixie', value: 'other-dev' }];
  expect(of('pygobject', '3.42', 'bookworm', rows)).toEqual({
    buildPackages: [
      { package: 'libgirepository1.0-dev', origin: 'file', reason: 'hints file' },
      { package: 'libffi-dev', origin: 'learned', reason: 'header ffi.h' },
    ],
    buildRequirements: [],
    depends: [{ package: 'gir1.2-glib-2.0 (>= 1.50)', origin: 'file', reason: 'hints file' }],
    imports: ['gi', 'gi.repository'],
    testCommand: 'python3 -m pytest -q tests',
  });
});

test('versions and suites bound what an entry says', () => {
  expect(of('two', '1.9', 'bookworm')).toMatchObject({ buildRequirements: ['setuptools<82'], buildPackages: [] });
  expect(of('two', '2.0', 'bookworm')).toEqual({ buildPackages: [], buildRequirements: [], depends: [] });
  expect(of('two', '2.0', 'trixie').buildPackages.map((one) => one.package)).toEqual(['libtwo-dev']);
  expect(of('three', '1', 'trixie')).toEqual({ buildPackages: [], buildRequirements: [], depends: [] });
});

test.each<[string, string, RegExp]>([
  ['no TOML', '[project.x]\nbuild-depends = [libx-dev]\n', /line 2, is refused: it is no TOML/],
  [
    'an unknown key',
    '[project.a]\nimports = ["a"]\n[project.x]\nbuild-depend = ["libx-dev"]\n',
    /line 4, .* project\.x\.build-depend is no known key/,
  ],
  ['an unknown table', '[projects.x]\nimports = ["a"]\n', /line 1, .* projects is no known key/],
  [
    'no package',
    '[project.x]\n\nbuild-depends = ["libx-dev", "LibX"]\n',
    /line 3, .* "LibX" is no name of a Debian package/,
  ],
  ['a package with a version', '[project.x]\nbuild-depends = ["libx-dev (>= 2)"]\n', /is no name of a Debian package/],
  ['alternatives', '[project.x]\ndepends = ["a1 | b1"]\n', /is no relation on one Debian package/],
  ['an address', '[project.x]\nbuild-requires = ["a @ https://example.org/a.whl"]\n', /is no requirement/],
  ['no specifier', '[project.x]\nspecifier = "about 2"\n', /line 2, .*specifier: is no version specifier/],
  ['no module', '[project.x]\nimports = ["a-b"]\n', /"a-b" is no name of a module/],
  ['nothing to import', '[project.x]\nimports = []\n', /an empty list says nothing/],
  ['two lines', '[project.x]\ntest-command = "a\\nb"\n', /must be one line/],
  ['no project', '[project."../x"]\nimports = ["x"]\n', /"\.\.\/x" is no project name/],
  ['a wrong kind', '[project.x]\nsuites = "bookworm"\n', /line 2, .*project\.x\.suites/],
  ['the same key twice', '[project.x]\nimports = ["x"]\nimports = ["y"]\n', /line 3, .* no TOML/],
])('%s is refused with its line', (_, text, sentence) => {
  expect(() => parseHints(text, '/state/hints.toml')).toThrow(
    expect.objectContaining({ code: 'bad-usage', message: expect.stringMatching(sentence) }) as Error,
  );
});
