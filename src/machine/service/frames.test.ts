import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createFrameCutter,
  encodeFrame,
  encodeWindow,
  type Frame,
  FRAME_KINDS,
  HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
  windowOf,
} from './frames.ts';

const streams = fc.integer({ min: 1, max: 2 ** 32 - 1 });
const frames = fc.oneof(
  streams.map((stream) => encodeFrame('open', stream)),
  streams.map((stream) => encodeFrame('end', stream)),
  streams.map((stream) => encodeFrame('reset', stream)),
  fc.tuple(streams, fc.integer({ min: 0, max: 2 ** 32 - 1 })).map(([stream, bytes]) => encodeWindow(stream, bytes)),
  fc
    .tuple(streams, fc.uint8Array({ minLength: 1, maxLength: 300 }))
    .map(([stream, it]) => encodeFrame('data', stream, it)),
);

/** Gives a cutter these bytes in pieces of these sizes, over and over. */
function cut(bytes: Buffer, sizes: readonly number[]): { frames: Frame[]; broken: boolean } {
  const cutter = createFrameCutter();
  const found: Frame[] = [];
  let broken = false;
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    const pushed = cutter.push(bytes.subarray(at, end));
    found.push(...pushed.frames);
    broken = pushed.broken;
    at = end;
  }
  return { frames: found, broken };
}

const written = ({ kind, stream, payload }: Frame): Buffer => encodeFrame(kind, stream, payload);
const sizes = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 });

describe('frames', () => {
  test('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 20 }), sizes, (list, pieces) => {
        const found = cut(Buffer.concat(list), pieces);
        expect(found.broken).toBe(false);
        expect(Buffer.concat(found.frames.map(written)).equals(Buffer.concat(list))).toBe(true);
      }),
    );
  });

  test('of any bytes at all only whole and valid ones come out, and nothing after the first that is none', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(frames, fc.uint8Array({ maxLength: 40 }))), sizes, (list, pieces) => {
        const bytes = Buffer.concat(list);
        const found = cut(bytes, pieces);
        const whole = Buffer.concat(found.frames.map(written));
        expect(bytes.subarray(0, whole.length).equals(whole)).toBe(true);
        for (const { kind, stream, payload } of found.frames) {
          expect(FRAME_KINDS).toContain(kind);
          expect(stream).toBeGreaterThan(0);
          expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
        }
        if (!found.broken) expect(bytes.length - whole.length).toBeLessThan(HEADER_BYTES + MAX_PAYLOAD_BYTES);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['a kind that nobody knows', Buffer.from([0, 0, 0, 1, 5, 0, 0, 0])],
    ['stream 0', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0])],
    ['data without a byte', Buffer.from([0, 0, 0, 1, 1, 0, 0, 0])],
    ['data longer than allowed', Buffer.from([0, 0, 0, 1, 1, 1, 0, 1])],
    ['an open with bytes', Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])],
    ['a window without its number', Buffer.from([0, 0, 0, 1, 4, 0, 0, 3])],
  ])('%s breaks the stream at its header', (_, bytes) => {
    expect(createFrameCutter().push(bytes)).toEqual({ frames: [], broken: true });
  });

  test('the longest data and a window are what they say', () => {
    const { frames: found } = createFrameCutter().push(
      Buffer.concat([encodeFrame('data', 7, Buffer.alloc(MAX_PAYLOAD_BYTES, 1)), encodeWindow(7, 123_456)]),
    );
    expect(found.map(({ kind, payload }) => [kind, payload.length])).toEqual([
      ['data', MAX_PAYLOAD_BYTES],
      ['window', 4],
    ]);
    expect(found[1] && windowOf(found[1])).toBe(123_456);
  });
});
