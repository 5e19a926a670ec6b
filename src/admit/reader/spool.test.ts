import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_REPORT_BYTES } from '../limits.ts';
import { decodeFrames, encodeFrame, type Frame, type FrameKind, MAX_FRAME } from './frames.ts';
import { spool } from './spool.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('frames', () => {
  const frame = fc.record({
    kind: fc.constantFrom<FrameKind>('content', 'end', 'report'),
    bytes: fc.uint8Array({ maxLength: 40 }),
  });

  it('come out as they went in, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 64 }), async (frames, size) => {
        const stream = Buffer.concat(frames.map(({ kind, bytes }) => encodeFrame(kind, bytes)));
        const seen: Frame[] = [];
        for await (const one of decodeFrames(chunks(stream, size)))
          seen.push({ ...one, bytes: Buffer.from(one.bytes) });
        expect(seen).toEqual(frames.map(({ kind, bytes }) => ({ kind, bytes: Buffer.from(bytes) })));
      }),
    );
  });

  it.each([
    ['an unknown kind', Buffer.from([9, 0, 0, 0, 0])],
    ['an overlong frame', Buffer.from([0, 0xff, 0, 0, 0])],
    ['half a frame', encodeFrame('content', Buffer.from('abc')).subarray(0, 6)],
  ])('refuse %s', async (_, bytes) => {
    await expect(Array.fromAsync(decodeFrames(chunks(bytes, 4)))).rejects.toThrow();
  });
});

describe('spool', () => {
  const stream = (...frames: Buffer[]) => chunks(Buffer.concat(frames), 1000);

  it('writes numbered files and measures them itself', async () => {
    const { contents, report } = await spool(
      stream(
        encodeFrame('content', Buffer.from('ab')),
        encodeFrame('content', Buffer.from('c')),
        encodeFrame('end'),
        encodeFrame('end'),
        encodeFrame('report', Buffer.from('{}')),
      ),
      folder,
    );
    expect(report).toBe('{}');
    expect(contents).toMatchObject([
      { path: join(folder, '0'), bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
      { path: join(folder, '1'), bytes: 0 },
    ]);
    expect(await readFile(join(folder, '0'), 'utf8')).toBe('abc');
  });

  it('stops at a report without end', async () => {
    const part = encodeFrame('report', Buffer.alloc(MAX_FRAME));
    const endless = (async function* () {
      for (let sent = 0; sent <= MAX_REPORT_BYTES; sent += MAX_FRAME) yield part;
    })();
    await expect(spool(endless, folder)).rejects.toMatchObject({ rule: 'reading-limit' });
  });

  it('refuses a stream that ends within a file', async () => {
    await expect(spool(stream(encodeFrame('content', Buffer.from('ab'))), folder)).rejects.toThrow('within a file');
  });
});
