import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { guardAddresses } from './address.ts';
import { collect } from './download.ts';
import { createHttpGet, HTTP_CAPS, type HttpCaps, type HttpGet } from './http.ts';
import type { IndexSettings } from './settings.ts';
import { type IndexServer, serve, startIndexServer } from './testing/index-server.ts';
import { TLS_CERT, TLS_KEY } from './testing/tls.ts';

const { signal } = new AbortController();
const servers: IndexServer[] = [];

afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(
  answers: Readonly<Record<string, RequestListener>>,
  tls?: { key: string; cert: string },
): Promise<IndexServer> {
  const server = await startIndexServer(answers, tls);
  servers.push(server);
  return server;
}

function getterOf(settings: IndexSettings, caps: Partial<HttpCaps> = {}): (path: string) => Promise<string> {
  const get: HttpGet = createHttpGet(settings, { ...HTTP_CAPS, retryDelayMs: 1, ...caps });
  const url = (path: string): URL => new URL(path, settings.indexUrl);
  return (path) => get(url(path), {}, async (answer) => (await collect(answer.body(1000))).toString(), signal);
}

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end();

/** Answers in order; the last one again and again. */
function inTurn(...answers: RequestListener[]): RequestListener {
  return (request, response) => (answers.length > 1 ? answers.shift() : answers[0])?.(request, response);
}

test.each([
  [404, 'unknown-project', 1],
  [401, 'index-refused', 1],
  [403, 'index-refused', 1],
  [418, 'index-failed', 1],
  [429, 'index-failed', 3],
  [500, 'index-failed', 3],
  [503, 'index-failed', 3],
])('status %i is %s after %i tries', async (code, error, tries) => {
  const server = await start({ '*': status(code) });
  await expect(getterOf(server.settings)('/x')).rejects.toMatchObject({ code: error });
  expect(server.asked).toHaveLength(tries);
});

test('what passes is tried again, after the time that the server asks for, bounded', async () => {
  const later = status(503, { 'retry-after': '3600' });
  const server = await start({
    '*': inTurn(later, status(429, { 'retry-after': 'Mon, 01 Jan 2001 00:00:00 GMT' }), serve('ok')),
  });
  expect(await getterOf(server.settings, { retryAfterMs: 10 })('/x')).toBe('ok');
  expect(server.asked).toHaveLength(3);
});

test('silence before the answer and within it is tried again, then told', async () => {
  const half: RequestListener = (_, response) => void response.writeHead(200, { 'content-length': 7 }).write('con');
  const server = await start({ '*': inTurn(() => {}, half, serve('ok')) });
  const settings = { ...server.settings, timeoutMs: 500 };
  expect(await getterOf(settings)('/x')).toBe('ok');
  const silent = await start({ '*': () => {} });
  const failing = getterOf({ ...silent.settings, timeoutMs: 500 }, { retries: 1 })('/x');
  await expect(failing).rejects.toMatchObject({
    code: 'index-unreachable',
    message: expect.stringContaining('silent'),
  });
  expect(silent.asked).toHaveLength(2);
});

test('redirects are followed five times', async () => {
  const next: RequestListener = (request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) serve('end')(request, response);
    else response.writeHead(302, { location: `/${left - 1}` }).end();
  };
  const server = await start({ '*': next });
  expect(await getterOf(server.settings)('/5')).toBe('end');
  await expect(getterOf(server.settings)('/6')).rejects.toMatchObject({ code: 'index-failed' });
});

test('the password goes to the index only, and never over a redirect', async () => {
  const other = await start({ '*': serve('file') });
  const server = await start({ '*': status(302, { location: `${other.url.replace('//', '//a:b@')}/file?signed` }) });
  const settings = { ...server.settings, credentials: () => 'Basic secret' };
  expect(await getterOf(settings)('/x')).toBe('file');
  expect(server.requests[0]?.headers.authorization).toBe('Basic secret');
  expect(other.requests[0]?.headers.authorization).toBeUndefined();
});

test('TLS: unknown certificates are refused, the configured ones trusted, and there is no way down to http', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-tls-'));
  try {
    const cert = join(folder, 'cert.pem');
    await writeFile(cert, TLS_CERT);
    const server = await start(
      { '/x': serve('ok'), '/down': status(302, { location: 'http://files.example.org/x' }) },
      { key: TLS_KEY, cert: TLS_CERT },
    );
    await expect(getterOf(server.settings)('/x')).rejects.toMatchObject({
      code: 'index-unreachable',
      message: expect.stringContaining('TLS'),
    });
    const get = getterOf({ ...server.settings, cert });
    expect(await get('/x')).toBe('ok');
    await expect(get('/down')).rejects.toMatchObject({ code: 'index-refused' });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a certificate file that is not there is a fault of the settings', async () => {
  const get = getterOf({ indexUrl: 'https://192.0.2.1', timeoutMs: 1000, ignored: [], cert: '/none/ca.crt' });
  await expect(get('/x')).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringContaining('/none/ca.crt'),
  });
});

test('nobody there, and no such name', async () => {
  const server = await start({});
  await server.close();
  await expect(getterOf(server.settings)('/x')).rejects.toMatchObject({
    code: 'index-unreachable',
    message: expect.stringContaining('refuses the connection'),
  });
  const nowhere = getterOf({ ...server.settings, indexUrl: 'http://no..name.example.org' });
  await expect(nowhere('/x')).rejects.toMatchObject({ code: 'index-unreachable' });
});

test('a proxy that pip names is used', async () => {
  for (const name of ['no_proxy', 'NO_PROXY', 'http_proxy', 'HTTP_PROXY']) vi.stubEnv(name, undefined);
  const proxy = await start({ 'http://index.example.org/x': serve('by proxy') });
  const get = getterOf({ indexUrl: 'http://index.example.org', proxy: proxy.url, timeoutMs: 1000, ignored: [] });
  expect(await get('/x')).toBe('by proxy');
});

test('no more than six requests run at once', async () => {
  let [now, most] = [0, 0];
  const server = await start({
    '*': (_, response) => {
      most = Math.max(most, (now += 1));
      setTimeout(() => {
        now -= 1;
        response.end('ok');
      }, 10);
    },
  });
  const get = getterOf(server.settings);
  await Promise.all(Array.from({ length: 30 }, (_, at) => get(`/${at}`)));
  expect(most).toBe(6);
});

test('an abort ends a request with its reason, without a further try', async () => {
  const abort = new AbortController();
  const server = await start({ '*': () => abort.abort(new Error('stop')) });
  const get = createHttpGet(server.settings);
  const running = get(new URL(server.url), {}, () => Promise.resolve(''), abort.signal);
  await expect(running).rejects.toThrow('stop');
  expect(server.asked).toHaveLength(1);
});

// 192.0.2.0/24 is for documentation (RFC 5737): an index on the Internet.
const PUBLIC = 'https://192.0.2.1/simple';

test.each([
  'http://127.0.0.1/x',
  'http://localhost:8080/x',
  'http://a.localhost./x',
  'http://[::1]/x',
  'http://[::ffff:10.0.0.1]/x',
  'http://10.1.2.3/x',
  'http://169.254.169.254/latest/meta-data',
  'http://0x7f000001/x',
  'https://192.168.1.1/x',
  'http://[fd00::1]/x',
])('an index on the Internet may not lead to %s; a private one may', async (address) => {
  await expect(guardAddresses(PUBLIC).check(new URL(address))).rejects.toMatchObject({ code: 'index-refused' });
  await expect(guardAddresses('http://10.0.0.1/simple').check(new URL(address))).resolves.toBeDefined();
});

test('names that resolve to private addresses are refused at the connection', async () => {
  const found = (guard: ReturnType<typeof guardAddresses>): Promise<unknown> =>
    new Promise((resolve) =>
      guard.lookup('localhost', { all: true }, (error, addresses) => resolve(error ?? addresses)),
    );
  expect(await found(guardAddresses(PUBLIC))).toMatchObject({ code: 'index-refused' });
  expect(await found(guardAddresses('http://localhost/simple'))).toContainEqual(
    expect.objectContaining({ address: '127.0.0.1' }),
  );
});

test('other schemes and the way down to http are refused, and user names dropped', async () => {
  await expect(guardAddresses(PUBLIC).check(new URL('http://files.example.org/x'))).rejects.toMatchObject({
    code: 'index-refused',
  });
  await expect(guardAddresses(PUBLIC).check(new URL('file:///etc/passwd'))).rejects.toMatchObject({
    code: 'bad-index-page',
  });
  const clean = await guardAddresses(PUBLIC).check(new URL('https://me:secret@files.example.org/x'));
  expect(clean.href).toBe('https://files.example.org/x');
});
