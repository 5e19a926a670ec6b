import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginConversation,
  hearAbort,
  hearBytes,
  hearClose,
  hearEndlessLine,
  hearLine,
  hearTime,
  judgeOutput,
  outputIsComplete,
  type Conversation,
} from './conversation.ts';

const NONCE = 'a'.repeat(32);
const SHA = 'b'.repeat(128);
const limits = {
  wallMs: 1000,
  idleMs: 500,
  memoryMiB: 1,
  cpus: 1,
  outputBytes: 100,
  logBytes: 100,
  outputFiles: 2,
  processes: 1,
};
const begin = (): Conversation =>
  beginConversation({ nonce: NONCE, readyMs: 300, limits, isFresh: () => true }, 10_000);
const line = (message: unknown): Uint8Array =>
  Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
const ready = { type: 'ready', protocol: 1, nonce: NONCE, reseeded: true, clock: 10, random: 'c'.repeat(32) };
const result = { type: 'result', nonce: NONCE, status: 'ok', files: 1, bytes: 10, sha512: SHA, facts: {} };

type Event = (talk: Conversation, now: number) => Conversation;
const message = fc.oneof(
  fc.constant(ready),
  fc.constant(result),
  fc.constant({ ...result, nonce: 'd'.repeat(32) }),
  fc.constant({ ...result, bytes: 0 }),
  fc.constant({ type: 'phase', name: 'x' }),
  fc.constant({ type: 'waiting', protocol: 1 }),
  fc.json(),
  fc.string(),
);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: message.map(
      (said): Event =>
        (talk, now) =>
          hearLine(talk, line(said), now),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array().map(
      (bytes): Event =>
        (talk, now) =>
          hearLine(talk, bytes, now),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('log' as const, 'output' as const), fc.integer({ min: 1, max: 60 })).map(
      ([channel, bytes]): Event =>
        (talk, now) =>
          hearBytes(talk, channel, bytes, now),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Event>(
      (talk) => hearClose(talk, 'control'),
      (talk) => hearClose(talk, 'output'),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<Event>(hearTime, hearAbort, hearEndlessLine) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(SHA, 'e'.repeat(128)).map(
      (sha): Event =>
        (talk) =>
          judgeOutput(talk, sha),
    ),
  },
);

test('whatever a guest does: one end, final, and a result only for its own nonce, digest and bytes', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 40 }),
      (events, waits) => {
        let talk = begin();
        let now = 10_000;
        for (const [index, happen] of events.entries()) {
          now += waits[index] ?? 1;
          const before = talk;
          talk = happen(talk, now);
          if (before.phase === 'ended') expect(talk).toBe(before);
          expect(talk.end === undefined).toBe(talk.phase !== 'ended');
          if (talk.end?.result) {
            expect(talk.end.end).toBe('result');
            expect(talk.claim).toMatchObject({ nonce: NONCE, sha512: SHA, bytes: talk.outputBytes });
            expect(talk.readyAt).toBeDefined();
          }
          if (talk.phase !== 'ended') {
            expect(talk.logBytes).toBeLessThanOrEqual(limits.logBytes);
            expect(talk.outputBytes).toBeLessThanOrEqual(limits.outputBytes);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('an honest guest gives its result once all output came, in either order', () => {
  const running = hearLine(begin(), line(ready), 10_010);
  expect(running.phase).toBe('running');
  for (const talk of [
    hearLine(hearBytes(running, 'output', 10, 10_020), line(result), 10_030),
    hearBytes(hearLine(running, line(result), 10_020), 'output', 10, 10_030),
  ]) {
    expect(outputIsComplete(talk)).toBe(true);
    expect(judgeOutput(talk, SHA).end).toMatchObject({
      end: 'result',
      result: { status: 'ok', files: 1, sha512: SHA },
    });
  }
});

test('a guest that is not ready in time, or ends before, may be booted again', () => {
  expect(hearTime(begin(), 10_299).end).toBeUndefined();
  expect(hearTime(begin(), 10_300).end).toMatchObject({ end: 'infrastructure', code: 'boot-failed' });
  expect(hearClose(begin(), 'control').end).toMatchObject({ end: 'infrastructure', code: 'boot-failed' });
});

test('every sign of life puts the idle limit off, none puts off the wall limit', () => {
  let talk = hearLine(begin(), line(ready), 10_000);
  talk = hearBytes(talk, 'log', 1, 10_400);
  expect(hearTime(talk, 10_899).end).toBeUndefined();
  expect(hearTime(talk, 10_900).end).toMatchObject({ end: 'limit', limit: 'idle' });
  talk = hearLine(talk, line({ type: 'phase', name: 'x' }), 10_800);
  expect(hearTime(talk, 11_000).end).toMatchObject({ end: 'limit', limit: 'time' });
});
