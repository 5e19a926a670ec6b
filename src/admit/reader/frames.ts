/** What the reading process sends: content of a file, end of a file, part of the report. */
export type FrameKind = 'content' | 'end' | 'report';
export interface Frame {
  readonly kind: FrameKind;
  readonly bytes: Buffer;
}

const KINDS: readonly FrameKind[] = ['content', 'end', 'report'];
const HEADER = 5;
export const MAX_FRAME = 1024 ** 2;

/** One byte kind, four bytes length (big-endian), content. */
export function encodeFrame(kind: FrameKind, bytes: Uint8Array = new Uint8Array()): Buffer {
  if (bytes.length > MAX_FRAME) throw new Error(`a frame of ${bytes.length} bytes is too long`);
  const header = Buffer.alloc(HEADER);
  header.writeUInt8(KINDS.indexOf(kind), 0);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

/** Takes a byte stream apart. Throws on an unknown kind, an overlong frame and a stream that ends within one. */
export async function* decodeFrames(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let pending = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
    for (;;) {
      const frame = firstFrame(pending);
      if (!frame) break;
      pending = pending.subarray(HEADER + frame.bytes.length);
      yield frame;
    }
  }
  if (pending.length > 0) throw new Error('the stream ends within a frame');
}

function firstFrame(pending: Buffer): Frame | undefined {
  if (pending.length < HEADER) return undefined;
  const kind = KINDS[pending.readUInt8(0)];
  const length = pending.readUInt32BE(1);
  if (!kind || length > MAX_FRAME) throw new Error('the stream holds no frame where one should be');
  return pending.length < HEADER + length ? undefined : { kind, bytes: pending.subarray(HEADER, HEADER + length) };
}
