import { EventEmitter } from 'node:events';
import { duplexPair, PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createHandler, SERVICE_HOST } from './handler.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const TOKEN = 'a'.repeat(64);
const HEAD = `GET /job HTTP/1.1\r\nHost: ${SERVICE_HOST}\r\nAuthorization: Bearer ${TOKEN}\r\n`;
const settle = () => new Promise((resolve) => setImmediate(resolve));

function connect() {
  const { accept } = createHandler({
    routes: new Map([['/job', { kind: 'text', text: '{}' }]]),
    token: TOKEN,
    upload: new PassThrough(),
    maxUploadBytes: 10,
    onForgery: () => {},
  });
  const [ours, theirs] = duplexPair();
  let answers = '';
  theirs.on('data', (chunk: Buffer) => {
    answers += chunk.toString();
  });
  accept(ours);
  return { ours, theirs, answers: () => answers.match(/HTTP\/1.1 \d+/g) ?? [] };
}

test('a stream that never becomes a request, or dribbles one, is ended', async () => {
  for (const begin of ['', 'GET /job HT', HEAD]) {
    const { ours, theirs } = connect();
    theirs.write(begin);
    for (let second = 0; second < 29; second += 1) {
      await vi.advanceTimersByTimeAsync(1000);
      theirs.write(begin === HEAD ? 'X: y\r\n' : '');
    }
    expect(ours.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ours.destroyed).toBe(true);
  }
});

test('each answered request gives the next one its own time', async () => {
  const { ours, theirs, answers } = connect();
  for (let request = 1; request <= 3; request += 1) {
    await vi.advanceTimersByTimeAsync(20_000);
    theirs.write(`${HEAD}\r\n`);
    for (let turn = 0; turn < 10; turn += 1) await settle();
    expect(answers()).toEqual(Array.from({ length: request }, () => 'HTTP/1.1 200'));
  }
  expect(ours.destroyed).toBe(false);
});

test('requests that are sent ahead wait for their turn, and too many of them end the stream', async () => {
  const polite = connect();
  polite.theirs.write(`${HEAD}\r\n`.repeat(10));
  for (let turn = 0; turn < 50; turn += 1) await settle();
  expect(polite.answers()).toHaveLength(10);
  expect(polite.ours.destroyed).toBe(false);
  expect(polite.ours.listenerCount('close')).toBeLessThanOrEqual(EventEmitter.defaultMaxListeners);
  const greedy = connect();
  greedy.theirs.write(`${HEAD}\r\n`.repeat(400));
  for (let turn = 0; turn < 50; turn += 1) await settle();
  expect(greedy.ours.destroyed).toBe(true);
  expect(greedy.answers().length).toBeLessThan(17);
});
