import { expect, test } from 'vitest';
import { parseMetadata } from './metadata.ts';
import { readStaticProject } from './project-table.ts';

const from = (pyproject: string, more: object = {}) => readStaticProject({ pyproject, hasSetupPy: false, ...more });

test('what [project] says becomes metadata that a plan can read', () => {
  const { metadata, ...told } = from(`
    [project]
    name = "My.Lib"
    version = "1.0-rc1"
    requires-python = ">=3.9"
    dependencies = ["six>=1", "old; python_version < '3'"]
    [project.optional-dependencies]
    Fast_er = ["c>=2", "d ; os_name == 'posix' or os_name == 'nt'", "e @ https://example.org/e.whl ; os_name == 'nt'"]
  `);
  expect(told).toEqual({ name: 'My.Lib', version: '1.0rc1', requiresPython: '>=3.9' });
  const parsed = parseMetadata(metadata ?? Buffer.alloc(0));
  expect(parsed).toMatchObject({
    name: 'My.Lib',
    version: '1.0rc1',
    providesExtra: ['fast-er'],
    metadataVersion: '2.2',
  });
  expect(parsed.requiresDist).toEqual([
    'six>=1',
    "old; python_version < '3'",
    'c>=2; extra == "fast-er"',
    "d ; (os_name == 'posix' or os_name == 'nt') and extra == \"fast-er\"",
    'e @ https://example.org/e.whl ; (os_name == \'nt\') and extra == "fast-er"',
  ]);
});

test.each([
  ['a dynamic version', '[project]\nname = "x"\ndynamic = ["version"]', { name: 'x' }],
  [
    'dynamic requirements',
    '[project]\nname = "x"\nversion = "1"\ndynamic = ["dependencies"]',
    { name: 'x', version: '1' },
  ],
  ['no table', '[build-system]\nrequires = []', {}],
  [
    "poetry's table",
    '[tool.poetry]\nname = "x"\nversion = "1.2"\n[build-system]\nbuild-backend = "poetry.core.masonry.api"',
    { name: 'x', version: '1.2' },
  ],
  [
    "poetry's table under another back end",
    '[tool.poetry]\nname = "x"\nversion = "0.0.0"\n[build-system]\nbuild-backend = "poetry_dynamic_versioning.backend"',
    {},
  ],
  ['a version that is none', '[project]\nname = "x"\nversion = "one"', { name: 'x' }],
])('%s', (_name, text, told) => expect(from(text)).toEqual(told));

test.each([
  ['[metadata]\nname = x\nversion: 1.0\n\n[options]\nname = y', { name: 'x', version: '1.0' }],
  ['[options]\nname = y\n[metadata]\r\nname = x\r\nversion = attr: x.__version__\r\n', { name: 'x' }],
])('setup.cfg %j', (setupCfg, told) => {
  expect(readStaticProject({ setupCfg, hasSetupPy: false })).toEqual(told);
  // setup.py may say otherwise.
  expect(readStaticProject({ setupCfg, hasSetupPy: true })).toEqual({});
});

test('PKG-INFO of an unpacked sdist tells all', () => {
  const pkgInfo = Buffer.from('Metadata-Version: 2.2\nName: x\nVersion: 2\nRequires-Python: >=3\n');
  expect(from('[project]\nname = "x"\ndynamic = ["version"]', { pkgInfo })).toEqual({
    name: 'x',
    version: '2',
    requiresPython: '>=3',
    metadata: pkgInfo,
  });
});

test.each([
  ['[project', /broken at line 1/],
  ['[project]\nname = 3', /broken project\.name/],
  ['[project]\nname = "x"\ndependencies = ["a\\nName: y"]', /broken project\.dependencies/],
])('%j is refused', (text, words) => expect(() => from(text)).toThrow(words));
