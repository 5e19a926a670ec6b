import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { askPip } from './pip.ts';
import { readIndexSettings, settingsFrom } from './settings.ts';

const { signal } = new AbortController();
let folder = '';

/** Stands in for python3: prints what pip would, and writes down each start of pip. */
const FAKE_PYTHON = `#!/bin/sh
[ "$1" = -c ] && exit 0
echo "$*" >> "$FAKE_LOG"
case "$*" in
  *"config list"*) [ -n "$PIP_PROXY" ] && echo ":env:.proxy='$PIP_PROXY'"; [ -n "$PIP_INDEX_URL" ] && echo ":env:.index-url='$PIP_INDEX_URL'"; echo "global.find-links='/wheels'" ;;
  *"install --help"*) echo "  -i, --index-url <url>  Base URL (default https://builtin.example.org/simple)." ;;
  *"config debug"*) echo "  $FAKE_CONF, exists: False" ;;
esac
`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-settings-'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/python3'), FAKE_PYTHON);
  await chmod(join(folder, 'bin/python3'), 0o755);
  for (const name of Object.keys(process.env)) if (name.startsWith('PIP_')) vi.stubEnv(name, undefined);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`);
  vi.stubEnv('HOME', folder);
  vi.stubEnv('NETRC', undefined);
  vi.stubEnv('FAKE_LOG', join(folder, 'log'));
  vi.stubEnv('FAKE_CONF', join(folder, 'site.conf'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function startsOfPip(): Promise<number> {
  return (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n').length;
}

const cache = (): string => join(folder, 'cache');

test('the built-in index holds where no setting names one; pip is not started again for the same answer', async () => {
  const settings = await readIndexSettings(cache(), signal);
  expect(settings.indexUrl).toBe('https://builtin.example.org/simple');
  expect(settings.ignored).toEqual([expect.stringContaining('find-links')]);
  expect(await startsOfPip()).toBe(3);
  expect(await readIndexSettings(cache(), signal)).toEqual(settings);
  expect(await startsOfPip()).toBe(3);
});

test.each([
  ['the environment', () => Promise.resolve(vi.stubEnv('PIP_TIMEOUT', '9'))],
  ['a configuration file that pip names', () => writeFile(join(folder, 'site.conf'), '')],
  [
    'the user configuration file',
    () =>
      mkdir(join(folder, '.config/pip'), { recursive: true }).then(() =>
        writeFile(join(folder, '.config/pip/pip.conf'), ''),
      ),
  ],
  ['python3', () => utimes(join(folder, 'bin/python3'), 1, 1)],
])('pip is asked again when %s changed', async (_, change) => {
  await readIndexSettings(cache(), signal);
  await change();
  await readIndexSettings(cache(), signal);
  expect(await startsOfPip()).toBe(6);
});

test('a password in the address goes into the header only, not to disk and not into prints', async () => {
  vi.stubEnv('PIP_INDEX_URL', 'https://me:s3cr%40t@index.example.org/simple/');
  const settings = await readIndexSettings(cache(), signal);
  expect(settings.indexUrl).toBe('https://index.example.org/simple');
  expect(settings.credentials?.()).toBe(`Basic ${Buffer.from('me:s3cr@t').toString('base64')}`);
  expect(inspect(settings) + JSON.stringify(settings)).not.toMatch(/s3cr/);
  await expect(readdir(cache(), { recursive: true })).rejects.toThrow('ENOENT');
});

test.each([
  ['PIP_PROXY', 'me:s3cret@proxy.example.org:3128'],
  ['PIP_INDEX_URL', 'https://index.example.org/simple?token=s3cret'],
])('%s=%s does not go to disk', async (name, value) => {
  vi.stubEnv(name, value);
  const { proxy } = await readIndexSettings(cache(), signal);
  expect(proxy).toBe(name === 'PIP_PROXY' ? value : undefined);
  await expect(readdir(cache(), { recursive: true })).rejects.toThrow('ENOENT');
});

test('netrc gives the login of the host', async () => {
  await writeFile(join(folder, '.netrc'), 'machine builtin.example.org login you password p');
  const settings = await readIndexSettings(cache(), signal);
  expect(settings.credentials?.()).toBe(`Basic ${Buffer.from('you:p').toString('base64')}`);
});

describe('an index that is named for one run', () => {
  const named = (url: string) => readIndexSettings(cache(), signal, { url, place: '--index-url' });
  const header = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

  test("takes the place of pip's, and nothing of pip's login goes there", async () => {
    vi.stubEnv('PIP_INDEX_URL', 'https://me:s3cret@index.example.org/simple');
    const settings = await named('https://own.example.org/simple/?token=t0ken#x');
    expect(settings.indexUrl).toBe('https://own.example.org/simple');
    expect(settings.credentials).toBeUndefined();
    expect(settings.ignored).toEqual([expect.stringContaining('find-links')]);
  });

  test.each([
    ['https://you:p%25w@own.example.org/', 'you:p%w'],
    ['https://odd%zz:p@own.example.org/', 'odd%zz:p'],
    ['https://own.example.org/', 'netrc:from-netrc'],
    ['https://netrc@own.example.org/', 'netrc:from-netrc'],
    ['https://a-token@own.example.org/', 'a-token:'],
  ])('%s is asked as %s', async (url, login) => {
    await writeFile(join(folder, '.netrc'), 'machine own.example.org login netrc password from-netrc');
    const settings = await named(url);
    expect(settings.credentials?.()).toBe(header(login));
    expect(inspect(settings) + JSON.stringify(settings)).not.toMatch(/:p|from-netrc|a-token/);
  });

  test.each(['ftp://own.example.org', 'own.example.org/simple', ''])('%j is refused', async (url) => {
    await expect(named(url)).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('--index-url holds'),
    });
  });
});

test('a damaged answer in the cache counts as none', async () => {
  await readIndexSettings(cache(), signal);
  const [name = ''] = await readdir(join(cache(), 'pip-settings'));
  await writeFile(join(cache(), 'pip-settings', name), '{"at":');
  expect((await readIndexSettings(cache(), signal)).indexUrl).toBe('https://builtin.example.org/simple');
});

test('no pip at all is a missing tool with the command that mends it', async () => {
  const error = await askPip([join(folder, 'none'), join(folder, 'neither')], signal).catch(
    (raised: unknown) => raised,
  );
  expect(error).toMatchObject({ code: 'missing-tool', hint: 'apt-get install python3-pip' });
});

test('a pip that breaks says so without a password', async () => {
  const broken = join(folder, 'bin/broken');
  await writeFile(
    broken,
    '#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "ERROR: bad https://a:b@index.example.org" >&2\nexit 1\n',
  );
  await chmod(broken, 0o755);
  const error = await askPip([broken], signal).catch((raised: unknown) => raised);
  expect(error).toMatchObject({
    code: 'missing-tool',
    message: expect.stringContaining('bad https://index.example.org'),
  });
});

test.each([
  [{ 'index-url': 'file:///srv/index' }, 'a file: address'],
  [{ 'index-url': '/srv/index' }, 'no address'],
  [{}, 'no address'],
  [{ 'no-index': 'true', 'index-url': 'https://index.example.org' }, 'forbid'],
])('settings that name no http(s) index are refused: %o', (config, part) => {
  expect(() => settingsFrom(new Map(Object.entries(config)), undefined)).toThrow(part);
});

test('time-outs, certificates and proxies are taken over; what is not used is said', () => {
  const settings = settingsFrom(
    new Map(
      Object.entries({
        'default-timeout': '180',
        cert: '/ca.crt',
        proxy: 'http://proxy.example.org:3128',
        'extra-index-url': 'https://other.example.org',
        'trusted-host': 'index.example.org',
      }),
    ),
    'https://index.example.org/simple',
  );
  expect(settings).toMatchObject({ timeoutMs: 180_000, cert: '/ca.crt', proxy: 'http://proxy.example.org:3128' });
  expect(settings.ignored.join(' ')).toMatch(/extra-index-url.*trusted-host/);
  expect(settingsFrom(new Map([['timeout', 'x']]), 'https://index.example.org').timeoutMs).toBe(15_000);
});
