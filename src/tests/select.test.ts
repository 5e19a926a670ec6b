import fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectAll, selectTests } from './select.ts';

const SITE = '/usr/lib/python3/dist-packages/';
const installed = (...names: readonly string[]) => names.map((name) => SITE + name);

test.each([
  {
    what: 'tests beside the package, with the settings of the runner and what lies beside the tests',
    names: [
      'setup.py',
      'tox.ini',
      'foo/__init__.py',
      'foo/data.json',
      'tests/test_a.py',
      'tests/data/a.json',
      'docs/x.py',
    ],
    package: installed('foo/__init__.py'),
    chosen: { keep: ['tox.ini', 'tests/test_a.py', 'tests/data/a.json'], start: 'tests', installed: [] },
  },
  {
    what: 'tests at the top',
    names: ['test_foo.py', 'foo.py', 'pyproject.toml'],
    package: installed('foo.py'),
    chosen: { keep: ['pyproject.toml', 'test_foo.py'], start: '.', installed: [] },
  },
  {
    what: 'modules below src that are tests of their own stay out',
    names: ['src/foo/testing/kit.py', 'src/foo/core.py', 'test/unit/check_test.py'],
    package: installed('foo/core.py', 'foo/testing/kit.py'),
    chosen: { keep: ['test/unit/check_test.py'], start: 'test', installed: [] },
  },
  {
    what: 'a package whose own name is a test',
    names: ['testing/__init__.py', 'testing/core.py', 'tests/test_it.py'],
    package: installed('testing/core.py'),
    chosen: { keep: ['tests/test_it.py'], start: 'tests', installed: [] },
  },
  {
    what: 'an extension module of the top',
    names: ['fast.c', 'fast.py', 'tests/test_fast.py'],
    package: installed('fast.cpython-311-x86_64-linux-gnu.so'),
    chosen: { keep: ['tests/test_fast.py'], start: 'tests', installed: [] },
  },
  {
    what: 'tests that were installed with the package',
    names: ['foo/tests/test_a.py', 'foo/tests/deep/tests/test_b.py', 'setup.cfg'],
    package: installed('foo/tests/test_a.py', 'foo/tests/deep/tests/test_b.py'),
    chosen: { keep: ['setup.cfg'], start: '.', installed: ['foo.tests'] },
  },
  {
    what: 'tests inside the package that were not installed',
    names: ['foo/tests/test_a.py'],
    package: installed('foo/__init__.py'),
    chosen: 'its tests lie inside its modules and are not installed',
  },
  { what: 'nothing', names: ['foo.py', 'conftest.py'], package: installed('foo.py'), chosen: 'the sdist has no tests' },
  {
    what: 'too much',
    names: Array.from({ length: 20_001 }, (_, number) => `tests/test_${number}.py`),
    package: installed('foo.py'),
    chosen: 'its tests are more than 20000 files',
  },
])('$what', ({ names, package: paths, chosen }) => {
  expect(selectTests(names, paths)).toEqual(chosen);
});

test('for a command of the operator everything but the modules is there', () => {
  const names = ['tools/run.sh', 'src/foo/a.py', 'foo/b.py', 'setup.py', 'foo/tests/test_a.py'];
  expect(selectAll(names, installed('foo/a.py'))).toEqual({
    keep: ['tools/run.sh', 'setup.py'],
    start: '.',
    installed: [],
  });
});

test('whatever the names are: nothing of an installed module is kept, each thing once', () => {
  const part = fc.constantFrom(
    'foo',
    'bar',
    'src',
    'lib',
    'tests',
    'test',
    'testing',
    'data',
    'test_a.py',
    'foo.py',
    'conftest.py',
    'x',
  );
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(path), (names) => {
      const chosen = selectTests(names, installed('foo/__init__.py', 'foo.py', 'testing/a.py'));
      if (typeof chosen === 'string') return;
      expect(new Set(chosen.keep).size).toBe(chosen.keep.length);
      for (const name of chosen.keep) {
        expect(names).toContain(name);
        expect(name).not.toMatch(/^(?:(?:src|lib)\/)?(?:foo\/|foo\.py$|testing\/)/);
      }
    }),
  );
});
