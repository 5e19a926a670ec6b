import { readdir } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { serve } from '../src/python/testing/index-server.ts';
import { type EndedCommand, expectAttempt, expectError, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// What can be wrong with an index and its releases, seen by a user: the command line, a state folder, an index on the loopback.

/** The first test on a machine makes the images. */
const MAKING_IMAGES_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
}, MAKING_IMAGES_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});
afterEach(async () => {
  // Whatever went wrong: nothing is published, no work goes on, no file stays.
  expect(await readdir(demo.state.archive)).toEqual([]);
  expect((await readdir(demo.state.attempts)).filter((name) => name.endsWith('.work'))).toEqual([]);
  expect(await readdir(demo.temporary)).toEqual([]);
  expect(await readdir(join(demo.state.cache, 'partial')).catch(() => [])).toEqual([]);
});

function build(...projects: readonly string[]): Promise<EndedCommand> {
  const args = ['build', ...projects, '--driver', 'namespace', '--allow-unisolated', ...demo.args];
  return rennet(args, { env: { ...index.env, TMPDIR: demo.temporary } });
}

test('a project that the index does not have; the attempt is kept, and the next project is tried', async () => {
  await index.add({ project: 'rennet-fails', hook: "raise ValueError('no')" });
  const ended = await build('rennet-nothing', 'rennet-fails');
  const { sentence } = expectError(ended, 'unknown-project', 1);
  expect(sentence).toBe('The index has no project rennet-nothing.');
  const attempts = ended.events.filter(({ event }) => event === 'attempt');
  expect(attempts).toMatchObject([
    { project: 'rennet-nothing', version: '', outcome: 'no-source' },
    { project: 'rennet-fails', version: '1.0', outcome: 'build-failed', class: 'back-end-error' },
  ]);
  expect(ended.events.at(-1)).toMatchObject({ event: 'summary', published: 0, skipped: 0, failed: 2 });
  const why = await rennet(['why', 'rennet-nothing', ...demo.args]);
  expect(why.status).toBe(0);
  expect(why.events).toMatchObject([{ event: 'attempt', outcome: 'no-source' }]);
  expectError(await rennet(['plan', 'rennet-nothing', ...demo.args], { env: index.env }), 'unknown-project', 1);
});

test('a version that does not exist', async () => {
  await index.add({ project: 'rennet-old' });
  const ended = await build('rennet-old==9.9');
  const { sentence } = expectError(ended, 'unknown-version', 1);
  expect(sentence).toBe('The index has no rennet-old==9.9; its only release is 1.0.');
  expectAttempt(ended, 'no-source', 1);
});

test('a file with another hash than the index says', async () => {
  await index.add({ project: 'rennet-hash' }, { hashes: { sha256: 'a'.repeat(64) } });
  const ended = await build('rennet-hash');
  expect(expectError(ended, 'wrong-hash', 1).sentence).toContain('rennet-hash-1.0.tar.gz');
  expect(expectAttempt(ended, 'rejected', 1)).toMatchObject({ rule: 'wrong-hash' });
});

const breaksOff =
  (bytes: Buffer): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  };

test.each([
  ['a connection that breaks off', breaksOff],
  ['a shorter file than announced', (bytes: Buffer) => serve(bytes.subarray(0, 100))],
])('a truncated download: %s', async (_what, answer) => {
  const { path, bytes } = await index.add({ project: 'rennet-cut' });
  index.answers[path] = answer(bytes);
  const ended = await build('rennet-cut', 'rennet-never');
  const { sentence, hint } = expectError(ended, 'download-truncated', 3);
  expect(sentence).toContain('rennet-cut-1.0.tar.gz ended before its last byte');
  expect(hint).not.toBe('');
  expectAttempt(ended, 'infrastructure', 3);
  expect(ended.stderr).toContain('Not tried any more: rennet-never.');
});

test('an index that is down', async () => {
  const ended = await rennet(['build', 'rennet-down', ...demo.args], {
    env: { PIP_INDEX_URL: 'http://127.0.0.1:9/simple' },
  });
  const { sentence, hint } = expectError(ended, 'index-unreachable', 3);
  expect(`${sentence} ${hint}`).toContain('127.0.0.1:9');
  expect(hint).toContain("pip's index-url");
  expectAttempt(ended, 'infrastructure', 3);
});

test('an index that answers with errors, a login page, or without a file that it lists', async () => {
  index.answers['/simple/rennet-busy/'] = (_request, response) => response.writeHead(503).end();
  expectError(await build('rennet-busy'), 'index-failed', 3);
  index.answers['/simple/rennet-closed/'] = (_request, response) => response.writeHead(401).end();
  expect(expectError(await build('rennet-closed'), 'index-refused', 3).hint).toContain('.netrc');
  index.answers['/simple/rennet-login/'] = serve('please log in', { 'content-type': 'text/plain' });
  expect(expectError(await build('rennet-login'), 'bad-index-page', 3).hint).toContain("pip's index-url");
  const { path } = await index.add({ project: 'rennet-gone' });
  delete index.answers[path];
  expectError(await build('rennet-gone'), 'index-failed', 3);
});

test.each([
  ['a name', 'example.org'],
  ['an address', '192.0.2.1'],
])('an sdist that wants the network by %s', async (_what, host) => {
  const project = `rennet-net-${host.length}`;
  await index.add({ project, hook: `import urllib.request\nurllib.request.urlopen('http://${host}/')` });
  const asked = index.asked.length;
  const attempt = expectAttempt(await build(project), 'build-failed', 1);
  expect(attempt).toMatchObject({ class: 'needs-network' });
  expect(attempt['sentence']).toContain('wants the network');
  // The page and the file, by the host; nothing else came.
  expect(index.asked.slice(asked)).toEqual([`/simple/${project}/`, `/files/${project}-1.0.tar.gz`]);
});

test('an sdist that asks the index itself from within its build', async () => {
  const { port } = new URL(index.url);
  await index.add({
    project: 'rennet-asks',
    hook: `import urllib.request\nurllib.request.urlopen('http://127.0.0.1:${port}/secret')`,
  });
  expect(expectAttempt(await build('rennet-asks'), 'build-failed', 1)).toMatchObject({ class: 'needs-network' });
  expect(index.asked.filter((path) => path.includes('secret'))).toEqual([]);
});

test('what an sdist writes reaches neither terminal nor JSON as control characters', async () => {
  await index.add({ project: 'rennet-paints', hook: "raise ValueError('\\x1b[31mred\\x1b]0;title\\x07\\u202e\\x9b')" });
  const ended = await build('rennet-paints');
  const { attempt } = expectAttempt(ended, 'build-failed', 1);
  const log = await rennet(['log', String(attempt), ...demo.args], { plain: true });
  const json = await rennet(['log', String(attempt), ...demo.args]);
  for (const text of [ended.stdout, ended.stderr, log.stdout, json.stdout]) {
    expect(text).toContain('red');
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  }
});
