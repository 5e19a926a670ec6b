import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { untilWaiting } from './accelerator.ts';

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
  expect(await untilWaiting(machine(), 30, never)).toBe(false);
});

test('one that says anything else than that it waits is given up, too', async () => {
  const it = machine();
  it.control.write('KVM internal error\n{"type":"phase","name":"x"}\n{"type":"waiting","protocol":99}\n');
  expect(await untilWaiting(it, 30, never)).toBe(false);
});

test('one whose agent waits is up, however its words are cut', async () => {
  const it = machine();
  const waiting = untilWaiting(it, 10_000, never);
  for (const part of ['{"type":"wai', 'ting","protocol":1}', '\n']) {
    it.control.write(part);
    await sleep(1);
  }
  expect(await waiting).toBe(true);
});

test('its end, or the wish of the caller, ends the waiting at once', async () => {
  const it = machine();
  const waiting = untilWaiting(it, 10_000, never);
  it.end();
  expect(await waiting).toBe(false);
  expect(await untilWaiting(machine(), 10_000, AbortSignal.abort())).toBe(false);
});
