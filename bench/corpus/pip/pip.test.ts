import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IndexSettings } from '../../../src/python/settings.ts';
import { classifyInstall } from './classify.ts';
import { modulesOf, tryPip } from './reference.ts';
import { usedMiB } from './sandbox.ts';
import { pipEnvironment } from './settings.ts';

describe('what pip says of a failure', () => {
  test.each([
    [
      'not-found',
      'Collecting fidem\nERROR: Could not find a version that satisfies the requirement fidem (from versions: none)\nERROR: No matching distribution found for fidem\n',
      'ERROR: Could not find a version that satisfies the requirement fidem (from versions: none)',
    ],
    [
      'build-failed',
      "  error: subprocess-exited-with-error\n  × python setup.py egg_info did not run successfully.\n      SyntaxError: Missing parentheses in call to 'print'.\n      [end of output]\nerror: metadata-generation-failed\n× Encountered error while generating package metadata.\n",
      "SyntaxError: Missing parentheses in call to 'print'.",
    ],
    [
      'build-failed',
      'Building wheel for x\n      src/x.c:1:10: fatal error: gmp.h: No such file or directory\nERROR: Failed building wheel for x\nERROR: Could not build wheels for x, which is required\n',
      'src/x.c:1:10: fatal error: gmp.h: No such file or directory',
    ],
    [
      'conflict',
      'ERROR: Cannot install a and b==1 because these package versions have conflicting dependencies.\n',
      'ERROR: Cannot',
    ],
    [
      'infrastructure',
      "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'X': /simple/a/\nERROR: No matching distribution found for a\n",
      'WARNING: Retrying',
    ],
    [
      'disk',
      'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n',
      'ERROR: Could not',
    ],
    ['install-failed', 'strange\u001b[2J words\n\n', 'strange words'],
    ['install-failed', '', ''],
  ])('%s', (kind, log, line) => {
    const found = classifyInstall(log);
    expect(found.class).toBe(kind);
    expect(found.lastLine.startsWith(line), found.lastLine).toBe(true);
  });

  test('a retry that helped is no failure of the network', () => {
    const log =
      'WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching distribution found for a\n';
    expect(classifyInstall(log).class).toBe('not-found');
  });
});

test("the modules are those of Rennet's own check", () => {
  const files = ['a/__init__.py', 'a/b.py', 'c.py', 'tests/__init__.py', 'docs/conf.py', 'setup.py', '../../../bin/a'];
  expect(modulesOf([...files, 'a-1.0.dist-info/RECORD', 'ns/x/__init__.py', 'stubs/y.pyi'])).toEqual([
    'a',
    'c',
    'ns.x',
  ]);
  expect(modulesOf(['x-1.0.dist-info/METADATA'])).toEqual([]);
});

describe("pip's settings", () => {
  const settings: IndexSettings = { indexUrl: 'https://index.example.org/simple', timeoutMs: 15_000, ignored: [] };

  test('index, certificates and proxy are handed in; nothing else of the host', () => {
    const host = {
      PIP_FIND_LINKS: '/opt/wheels',
      HTTPS_PROXY: 'http://proxy.example.org:3128',
      TOKEN: 'x',
      https_proxy: '',
    };
    const { env, certificates } = pipEnvironment({ ...settings, cert: '/etc/own.pem' }, host);
    expect(certificates).toBe('/etc/own.pem');
    expect(env).toMatchObject({
      PIP_INDEX_URL: 'https://index.example.org/simple/',
      PIP_CONFIG_FILE: '/dev/null',
      PIP_DEFAULT_TIMEOUT: '15',
      HTTPS_PROXY: 'http://proxy.example.org:3128',
    });
    for (const name of ['PIP_FIND_LINKS', 'TOKEN', 'https_proxy']) expect(env).not.toHaveProperty(name);
  });

  test.each([
    [{ ...settings, credentials: () => 'Basic eA==' }, {}],
    [{ ...settings, proxy: 'http://me:pw@proxy.example.org' }, { https_proxy: 'x' }],
    [settings, { HTTP_PROXY: 'http://me:pw@proxy.example.org' }],
  ])('a password that upload code could read is refused (%#)', (with_, host) => {
    expect(() => pipEnvironment(with_, host)).toThrow(/could read the password/);
  });
});

describe('the folders that a project may write', () => {
  let place = '';
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'rennet-pip-'));
    for (const name of ['work', 'cache']) {
      await mkdir(join(place, name, 'pip'), { recursive: true });
      await writeFile(join(place, name, 'pip/planted.whl'), Buffer.alloc(3 << 20, 1));
    }
  });
  afterEach(() => rm(place, { recursive: true, force: true }));

  test('count together', async () => {
    const { signal } = new AbortController();
    expect(await usedMiB([join(place, 'work')], signal)).toBeLessThan(6);
    expect(await usedMiB([join(place, 'work'), join(place, 'cache')], signal)).toBeGreaterThanOrEqual(6);
  });

  test('hold nothing of the project before, even when the run is cancelled', async () => {
    const bench = {
      target: 'bookworm/amd64',
      root: join(place, 'root'),
      place,
      environment: { certificates: '/etc/ssl/certs/ca-certificates.crt', env: {} },
      bounds: { wallMs: 1000, memoryMiB: 64, processes: 8, diskMiB: 64 },
    };
    await expect(tryPip('a', bench, join(place, 'log'), AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
    expect(await readdir(place)).toEqual([]);
  });
});
