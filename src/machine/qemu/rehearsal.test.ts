import { once } from 'node:events';
import { duplexPair, PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { rehearse, untilSaid } from './rehearsal.ts';

const never = new AbortController().signal;

/** A machine of which only the control channel and the end matter. */
function machine() {
  const ended = Promise.withResolvers<void>();
  const control = new PassThrough();
  const other = new PassThrough();
  const streams = { control, log: other, output: other, service: other, process: 0 };
  return { streams, ended: ended.promise, control, end: ended.resolve };
}

test('a machine that hangs in silence is given up at its deadline', async () => {
  expect(await untilSaid('waiting', machine(), 30, never)).toBe(false);
});

test('one that says anything else than that it waits is given up, too', async () => {
  const it = machine();
  it.control.write('KVM internal error\n{"type":"phase","name":"x"}\n{"type":"waiting","protocol":99}\n');
  expect(await untilSaid('waiting', it, 30, never)).toBe(false);
});

test('one whose agent waits is up, however its words are cut', async () => {
  const it = machine();
  const waiting = untilSaid('waiting', it, 10_000, never);
  for (const part of ['{"type":"wai', 'ting","protocol":1}', '\n']) {
    it.control.write(part);
    await sleep(1);
  }
  expect(await waiting).toBe(true);
});

test('its end, or the wish of the caller, ends the waiting at once', async () => {
  const it = machine();
  const waiting = untilSaid('waiting', it, 10_000, never);
  it.end();
  expect(await waiting).toBe(false);
  expect(await untilSaid('waiting', machine(), 10_000, AbortSignal.abort())).toBe(false);
});

const READY = { type: 'ready', protocol: 1, nonce: '0'.repeat(32), reseeded: true, clock: 1, random: 'a'.repeat(32) };

test('a rehearsal is a hello for no job; what comes after its answer is for the next reader', async () => {
  const it = machine();
  const [control, guest] = duplexPair();
  const asked = once(guest, 'data') as Promise<[Buffer]>;
  const rehearsing = rehearse({ streams: { ...it.streams, control }, ended: it.ended }, never);
  expect(JSON.parse((await asked)[0].toString())).toMatchObject({ type: 'hello', job: 'rehearsal' });
  guest.write(`${JSON.stringify(READY)}\n`);
  expect(await rehearsing).toBe(true);
  guest.write('later');
  await sleep(5);
  const [later] = (await once(control.resume(), 'data')) as [Buffer];
  expect(later.toString()).toBe('later');
});

test('a guest that does not answer, or ends, has not rehearsed', async () => {
  expect(await rehearse(machine(), never, 30)).toBe(false);
  const it = machine();
  it.end();
  expect(await rehearse(it, never)).toBe(false);
});
