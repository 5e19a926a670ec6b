import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ReleaseFile } from '../model/release.ts';
import { createIndexClient, type IndexCaps, type IndexClient } from './client.ts';
import { type IndexServer, jsonPage, makeZip, serve, startIndexServer } from './testing/index-server.ts';

const { signal } = new AbortController();
let folder = '';
let server: IndexServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-index-'));
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true });
});

async function indexOf(
  answers: Readonly<Record<string, RequestListener>>,
  caps: Partial<IndexCaps> = {},
): Promise<IndexClient> {
  server = await startIndexServer(answers);
  return clientOf(server, caps);
}

function clientOf({ settings }: IndexServer, caps: Partial<IndexCaps> = {}): IndexClient {
  return createIndexClient({ settings, cacheFolder: join(folder, 'cache'), caps: { retryDelayMs: 1, ...caps } });
}

const asked = (): readonly string[] => server?.asked ?? [];
const nothing = (): void => {};

function fileAt(path: string, bytes: Uint8Array | string, more: Partial<ReleaseFile> = {}): ReleaseFile {
  const content = Buffer.from(bytes);
  return {
    filename: path.split('/').at(-1) ?? '',
    url: `${server?.url ?? ''}${path}`,
    kind: path.endsWith('.whl') ? 'wheel' : 'sdist',
    sha256: hash('sha256', content),
    bytes: content.length,
    ...more,
  };
}

const PAGE = jsonPage('foo', [{ filename: 'foo-1.0.tar.gz', url: '/files/foo-1.0.tar.gz', hashes: {} }]);

test('a page is asked for once, by its normalised name, with the better form preferred', async () => {
  const index = await indexOf({ '/simple/foo-bar/': jsonPage('foo_bar', []) });
  await index.project('Foo._Bar', signal);
  await index.project('foo-bar', signal);
  expect(asked()).toEqual(['/simple/foo-bar/']);
  expect(server?.requests[0]?.headers.accept).toBe(
    'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1',
  );
});

test('addresses are relative to where redirects led; the next client reads the page from the cache', async () => {
  const index = await indexOf({
    '/simple/foo/': (_, response) => void response.writeHead(301, { location: '/mirror/foo/' }).end(),
    '/mirror/foo/': jsonPage('foo', [{ filename: 'foo-1.0.tar.gz', url: '../foo-1.0.tar.gz', hashes: {} }]),
  });
  const project = await index.project('foo', signal);
  expect(project.releases[0]?.files[0]?.url).toBe(`${server?.url}/mirror/foo-1.0.tar.gz`);
  expect(server && (await clientOf(server).project('foo', signal))).toEqual(project);
  expect(asked()).toEqual(['/simple/foo/', '/mirror/foo/']);
});

test('with a validator the page is asked for again, and 304 makes the kept one hold', async () => {
  const index = await indexOf({
    '/simple/foo/': (request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
      else jsonPage('foo', [{ filename: 'foo-1.0.tar.gz', url: 'x' }], { etag: '"1"' })(request, response);
    },
  });
  const first = await index.project('foo', signal);
  expect(await index.project('foo', signal)).toEqual(first);
  expect(first.releases).toHaveLength(1);
  expect(server?.requests.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"']);
});

test.each([
  ['max-age=60', 1],
  ['public, max-age=0', 2],
  ['no-cache', 2],
  ['no-store, max-age=60', 2],
])('Cache-Control: %s means %i requests for two questions', async (control, requests) => {
  const index = await indexOf({ '/simple/foo/': jsonPage('foo', [], { 'cache-control': control }) });
  await index.project('foo', signal);
  await index.project('foo', signal);
  expect(asked()).toHaveLength(requests);
});

test('packed pages are read, within the cap on what they unpack to', async () => {
  const page = gzipSync(
    JSON.stringify({ meta: { 'api-version': '1.0' }, name: 'foo', files: [], pad: ' '.repeat(5000) }),
  );
  const headers = { 'content-type': 'application/vnd.pypi.simple.v1+json', 'content-encoding': 'gzip' };
  const index = await indexOf({
    '/simple/foo/': serve(page, headers),
    '/simple/cut/': serve(page.subarray(0, -9), headers),
  });
  expect((await index.project('foo', signal)).releases).toEqual([]);
  await expect(index.project('cut', signal)).rejects.toMatchObject({ code: 'download-truncated' });
  const small = server && clientOf(server, { pageBytes: 1000 });
  await expect(small?.project('foo', signal)).resolves.toBeDefined();
  await rm(join(folder, 'cache'), { recursive: true });
  await expect(small?.project('foo', signal)).rejects.toMatchObject({ code: 'too-large' });
});

test('a page that cannot be read is not kept', async () => {
  const index = await indexOf({ '/simple/foo/': serve('<h1>login</h1>', { 'content-type': 'text/plain' }) });
  for (const _ of [1, 2]) await expect(index.project('foo', signal)).rejects.toMatchObject({ code: 'bad-index-page' });
  expect(asked()).toHaveLength(2);
});

test('a file is downloaded once, checked, and copied from then on', async () => {
  const index = await indexOf({ '/foo-1.0.tar.gz': serve('content') });
  const file = fileAt('/foo-1.0.tar.gz', 'content');
  const events: (number | undefined)[] = [];
  const result = await index.download(file, join(folder, 'a'), ({ done }) => events.push(done), signal);
  expect(result).toEqual({ bytes: 7, sha256: file.sha256 });
  expect(await index.download(file, join(folder, 'b'), nothing, signal)).toEqual(result);
  expect(await readFile(join(folder, 'b'), 'utf8')).toBe('content');
  expect(events).toEqual([7]);
  expect(asked()).toEqual(['/foo-1.0.tar.gz']);
});

test('a copy in the cache that went bad is downloaded again', async () => {
  const index = await indexOf({ '/foo-1.0.tar.gz': serve('content') });
  const file = fileAt('/foo-1.0.tar.gz', 'content');
  await index.download(file, join(folder, 'a'), nothing, signal);
  const { sha256 = '' } = file;
  await writeFile(join(folder, 'cache/files', sha256.slice(0, 2), sha256), 'contents');
  await index.download(file, join(folder, 'a'), nothing, signal);
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('content');
});

test('many downloads of one file at once, by two clients of one folder, all give the file', async () => {
  const content = Buffer.alloc(200_000, 'x');
  const index = await indexOf({ '/foo-1.0.tar.gz': serve(content) });
  const other = server === undefined ? index : clientOf(server);
  const file = fileAt('/foo-1.0.tar.gz', content);
  const paths = Array.from({ length: 10 }, (_, at) => join(folder, `${at}`));
  await Promise.all(paths.map((path, at) => (at % 2 === 0 ? index : other).download(file, path, nothing, signal)));
  for (const path of paths) expect((await readFile(path)).equals(content)).toBe(true);
  expect(await readdir(join(folder, 'cache/partial'))).toEqual([]);
});

test.each<[string, string, Partial<ReleaseFile>, RequestListener]>([
  ['a wrong hash', 'wrong-hash', {}, serve('contemt')],
  ['a wrong longer hash', 'wrong-hash', { otherHash: { algorithm: 'sha512', digest: '0' } }, serve('content')],
  ['too few bytes', 'download-truncated', {}, serve('cont')],
  ['more bytes than announced', 'too-large', {}, serve('contents')],
  ['more bytes than allowed', 'too-large', { bytes: 101 }, serve('content')],
  [
    'a broken connection',
    'download-truncated',
    {},
    (_, response) => {
      response.writeHead(200, { 'content-length': 7 });
      response.write('con', () => response.destroy());
    },
  ],
  ['no file', 'index-failed', {}, (_, response) => void response.writeHead(404).end()],
])('%s: an error, and nothing is left', async (_, code, more, answer) => {
  const index = await indexOf({ '/foo-1.0.tar.gz': answer }, { fileBytes: 100 });
  const file = fileAt('/foo-1.0.tar.gz', 'content', more);
  await expect(index.download(file, join(folder, 'a'), nothing, signal)).rejects.toMatchObject({ code });
  expect(asked()).toHaveLength(1);
  expect(await readdir(folder, { recursive: true })).toEqual(['cache', 'cache/partial']);
});

test('on abort the reason comes back and nothing is left', async () => {
  const abort = new AbortController();
  const index = await indexOf({
    '/foo-1.0.tar.gz': (_, response) => {
      response.writeHead(200, { 'content-length': 7 });
      response.write('con', () => abort.abort(new Error('stop')));
    },
  });
  const file = fileAt('/foo-1.0.tar.gz', 'content');
  await expect(index.download(file, join(folder, 'a'), nothing, abort.signal)).rejects.toThrow('stop');
  expect(await readdir(folder, { recursive: true })).toEqual(['cache', 'cache/partial']);
});

const METADATA = 'Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n';
const wheelWith = (padding: number): Buffer =>
  makeZip([
    { name: 'foo/first', content: Buffer.alloc(padding), stored: true },
    { name: 'foo-1.0.dist-info/METADATA', content: METADATA },
    { name: 'foo/last', content: Buffer.alloc(padding), stored: true },
  ]);

test.each([
  ['small', 1000, true, 1],
  ['large', 200_000, true, 2],
  ['large of unknown size', 200_000, false, 2],
])('METADATA of a %s wheel comes by ranges, and is kept', async (_, padding, sized, requests) => {
  const wheel = wheelWith(padding);
  const index = await indexOf({ '/foo-1.0-py3-none-any.whl': serve(wheel) });
  const { bytes, ...unsized } = fileAt('/foo-1.0-py3-none-any.whl', wheel);
  const file = sized ? { ...unsized, bytes: bytes ?? 0 } : unsized;
  const found = await index.metadata(file, signal);
  expect(found).toEqual({ bytes: Buffer.from(METADATA), source: 'range' });
  expect(asked()).toHaveLength(requests);
  expect(await index.metadata(file, signal)).toEqual(found);
  expect(asked()).toHaveLength(requests);
});

test('a server that ignores Range is read up to a cap only', async () => {
  let written = 0;
  const ignorant =
    (wheel: Buffer): RequestListener =>
    (_, response) => {
      response.writeHead(200);
      for (let at = 0; at < wheel.length; at += 65_536)
        response.write(wheel.subarray(at, at + 65_536), (error) => (written += error ? 0 : 65_536));
      response.end();
    };
  const [small, large] = [wheelWith(1000), wheelWith(20_000_000)];
  const index = await indexOf(
    { '/small-1.0-py3-none-any.whl': ignorant(small), '/large-1.0-py3-none-any.whl': ignorant(large) },
    { wholeWheelBytes: 100_000 },
  );
  const { bytes: _, ...unsized } = fileAt('/large-1.0-py3-none-any.whl', large);
  expect((await index.metadata(fileAt('/small-1.0-py3-none-any.whl', small), signal))?.source).toBe('range');
  expect(await index.metadata(unsized, signal)).toBeUndefined();
  expect(written).toBeLessThan(large.length / 2);
});

test('metadata beside the wheel is taken where it is announced, and checked', async () => {
  const wheel = wheelWith(10);
  const path = '/foo-1.0-py3-none-any.whl';
  const index = await indexOf({ [path]: serve(wheel), [`${path}.metadata`]: serve(METADATA) });
  const good = fileAt(path, wheel, { metadataSha256: hash('sha256', METADATA) });
  expect(await index.metadata(good, signal)).toEqual({ bytes: Buffer.from(METADATA), source: 'pep658' });
  expect(asked()).toEqual([`${path}.metadata`]);
  const bad = fileAt(path, 'other', { metadataSha256: '0'.repeat(64) });
  await expect(index.metadata(bad, signal)).rejects.toMatchObject({ code: 'wrong-hash' });
});

test('metadata that is announced and missing is read out of the wheel', async () => {
  const wheel = wheelWith(10);
  const path = '/foo-1.0-py3-none-any.whl';
  const index = await indexOf({ [path]: serve(wheel) });
  expect((await index.metadata(fileAt(path, wheel, { metadataSha256: true }), signal))?.source).toBe('range');
});

test('an sdist costs no request for metadata that is not announced', async () => {
  const index = await indexOf({ '*': PAGE });
  expect(await index.metadata(fileAt('/foo-1.0.tar.gz', 'x'), signal)).toBeUndefined();
  expect(asked()).toEqual([]);
});

test('a member of the .dist-info folder is read by ranges, once', async () => {
  const path = '/foo-1.0-py3-none-any.whl';
  const wheel = makeZip([
    { name: 'foo.py', content: randomBytes(200_000) },
    { name: 'foo-1.0.dist-info/RECORD', content: 'foo.py,,\n' },
  ]);
  const index = await indexOf({ [path]: serve(wheel) });
  const file = fileAt(path, wheel);
  expect(Buffer.from((await index.wheelMember(file, 'RECORD', signal)) ?? []).toString()).toBe('foo.py,,\n');
  await index.wheelMember(file, 'RECORD', signal);
  expect(asked()).toEqual([expect.stringMatching(`^${path} bytes=`)]);
  expect(await index.wheelMember(file, 'entry_points.txt', signal)).toBeUndefined();
});
