import { chmod, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isPath, type LocalSource, localRelease, takeLocalSource } from './local-source.ts';
import { readSdist } from './python/sdist.ts';

const { signal } = new AbortController();
let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rennet-local-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const PYPROJECT = '[project]\nname = "My.Lib"\nversion = "1.0"\n';

async function write(name: string, content: string | Buffer = ''): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}
const take = (path: string): Promise<LocalSource> => takeLocalSource(join(root, path), join(root, 'cache'), signal);

test.each([
  ['./lib', true],
  ['lib/', true],
  ['/srv/lib[fast]', true],
  ['.', true],
  ['lib-1.0.tar.gz', true],
  ['lib.whl', true],
  ['lib', false],
  ['lib[fast]>=1', false],
  ['lib==1.0', false],
])('%j is a path: %j', (text, expected) => expect(isPath(text)).toBe(expected));

test('a folder gives the same bytes whatever its times, without repositories, environments, caches and old builds', async () => {
  await write('lib/pyproject.toml', PYPROJECT);
  await write('lib/src/my_lib/__init__.py', 'X = 1');
  await write(`lib/src/${'deep/'.repeat(12)}${'n'.repeat(90)}.py`, 'Y = 2');
  await write('lib/build/tool.py', 'a module called build');
  for (const name of [
    '.git/config',
    'env/pyvenv.cfg',
    'src/my_lib/__pycache__/x.pyc',
    'build/lib/old.py',
    'dist/my_lib-0.9.tar.gz',
    'my_lib.egg-info/PKG-INFO',
    'node_modules/x.js',
    'src/my_lib/y.pyc',
  ])
    await write(`lib/${name}`);
  await symlink('__init__.py', join(root, 'lib/src/my_lib/alias.py'));
  await chmod(join(root, 'lib/src/my_lib/__init__.py'), 0o755);
  const first = await take('lib');
  expect(first).toMatchObject({ kind: 'sdist', told: { name: 'My.Lib', version: '1.0' } });
  expect(first.notes).toEqual(["The virtual environment 'env' is left out."]);
  const { names, links } = await readSdist(first.path, { project: 'my-lib', version: '1.0' });
  expect(names.map((name) => name.replace(/^source\//, ''))).toEqual([
    'build/tool.py',
    'pyproject.toml',
    `src/${'deep/'.repeat(12)}${'n'.repeat(90)}.py`,
    'src/my_lib/__init__.py',
    'src/my_lib/alias.py',
  ]);
  expect(links).toEqual([{ name: 'source/src/my_lib/alias.py', target: '__init__.py' }]);
  await utimes(join(root, 'lib/pyproject.toml'), 1, 1);
  await write('lib/.git/HEAD', 'more');
  expect((await take('lib')).sha256).toBe(first.sha256);
  await write('lib/src/my_lib/__init__.py', 'X = 2');
  expect((await take('lib')).sha256).not.toBe(first.sha256);
  expect(gunzipSync(await readFile(first.path)).includes('hunter2')).toBe(false);
  expect(localRelease(first, 'my-lib', '1.0').file).toMatchObject({
    filename: 'my_lib-1.0.tar.gz',
    url: 'local:my_lib-1.0.tar.gz',
    sha256: first.sha256,
  });
});

test('logins and keys are left out with a line each; certificates and modules of such names are not', async () => {
  await write('lib/pyproject.toml', PYPROJECT);
  const secrets = ['.env', '.netrc', '.pypirc', '.ssh/config', 'deploy/id_ed25519', 'deploy/key.pem'];
  for (const name of secrets) await write(`lib/${name}`, '-----BEGIN EC PRIVATE KEY-----\nhunter2');
  await symlink('deploy', join(root, 'lib/id_link'));
  await write('lib/cacert.pem', '-----BEGIN CERTIFICATE-----');
  await write('lib/id_card.py');
  await write('lib/id_cards/__init__.py');
  const { path, notes } = await take('lib');
  const { names } = await readSdist(path, { project: 'my-lib', version: '1.0' });
  expect(names).toEqual(
    ['cacert.pem', 'id_card.py', 'id_cards/__init__.py', 'pyproject.toml'].map((name) => `source/${name}`),
  );
  expect(notes).toEqual(
    ['.env', '.netrc', '.pypirc', '.ssh', 'deploy/id_ed25519', 'deploy/key.pem', 'id_link'].map(
      (name) => `'${name}' is left out: files of that kind hold secrets.`,
    ),
  );
});

test('an sdist whose file name begins with no project name is refused', async () => {
  for (const name of ['my lib-1.0.tar.gz', '_-1.0.tar.gz', 'ü-1.0.zip', `${'n'.repeat(201)}-1.0.zip`]) {
    await write(name, 'bytes');
    await expect(take(name)).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('begins with no project name'),
    });
  }
});

test('extras stand behind the path', async () => {
  await write('lib/setup.py', 'raise SystemExit("never run here")');
  expect(await take('lib[Fast_er, b]')).toMatchObject({ extras: ['fast-er', 'b'], told: {} });
});

test.each([
  ['link to a file outside', '../../secret'],
  ['absolute link', '/etc/passwd'],
])('a folder with a %s is refused', async (_name, target) => {
  await write('secret');
  await write('lib/sub/x');
  await write('lib/pyproject.toml', PYPROJECT);
  await symlink(target, join(root, 'lib/sub/link'));
  await expect(take('lib')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('outside of it'),
  });
});

test('what is no project is refused with a sentence', async () => {
  await write('empty/readme.txt');
  await write('lib-1.0.tar.bz2');
  await write('main.tar.gz');
  await write('broken/pyproject.toml', '[project');
  await expect(take('nowhere')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('There is no'),
  });
  await expect(take('empty')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('no Python project'),
  });
  await expect(take('lib-1.0.tar.bz2')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('no sdist'),
  });
  await expect(take('main.tar.gz')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('no version'),
  });
  await expect(take('broken')).rejects.toMatchObject({ code: 'bad-metadata' });
  await write('x-1-py3-none-any.whl', 'no zip');
  await expect(take('x-1-py3-none-any.whl')).rejects.toMatchObject({ code: 'bad-archive' });
});

test.each([
  ['my_lib-1.0.tar.gz', 'my_lib', '1.0'],
  ['my-lib-2.0.post1.zip', 'my-lib', '2.0.post1'],
])('an sdist is called %s', async (filename, name, version) => {
  await write(filename, 'bytes');
  expect((await take(filename)).told).toEqual({ name, version });
});
