/** What a frame of the service channel does; its place in this list is its number on the wire (guest/README.md). */
export const FRAME_KINDS = ['open', 'data', 'end', 'reset', 'window'] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  /** From 1 upwards. */
  readonly stream: number;
  /** The bytes of `data`; four bytes, a number, of `window`; else empty. */
  readonly payload: Uint8Array;
}

export const HEADER_BYTES = 8;
export const MAX_PAYLOAD_BYTES = 65_536;
const NONE = new Uint8Array();

/** One frame for the wire: stream (4 bytes), kind (1), length (3), all big-endian, then the payload. */
export function encodeFrame(kind: FrameKind, stream: number, payload: Uint8Array = NONE): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt32BE(stream, 0);
  bytes.writeUInt8(FRAME_KINDS.indexOf(kind), 4);
  bytes.writeUIntBE(payload.length, 5, 3);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** The `window` frame that lets the other side send `bytes` more. */
export function encodeWindow(stream: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(bytes, 0);
  return encodeFrame('window', stream, payload);
}

/** How many bytes more a `window` frame allows. */
export function windowOf(frame: Frame): number {
  return Buffer.from(frame.payload.buffer, frame.payload.byteOffset, 4).readUInt32BE(0);
}

/** Cuts a byte stream (hostile) into frames and never holds more than one of them. */
export interface FrameCutter {
  /** Whole frames in order; `broken` once something was no frame. Nothing is given after that. */
  push(chunk: Uint8Array): { frames: Frame[]; broken: boolean };
}

export function createFrameCutter(): FrameCutter {
  let held: Buffer = Buffer.alloc(0);
  let broken = false;
  return {
    push(chunk) {
      const frames: Frame[] = [];
      if (broken) return { frames, broken };
      let bytes =
        held.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([held, chunk]);
      while (bytes.length >= HEADER_BYTES) {
        const kind = FRAME_KINDS[bytes.readUInt8(4)];
        const length = bytes.readUIntBE(5, 3);
        if (kind === undefined || !fits(kind, length) || bytes.readUInt32BE(0) === 0) {
          broken = true;
          bytes = Buffer.alloc(0);
          break;
        }
        const end = HEADER_BYTES + length;
        if (bytes.length < end) break;
        frames.push({ kind, stream: bytes.readUInt32BE(0), payload: bytes.subarray(HEADER_BYTES, end) });
        bytes = bytes.subarray(end);
      }
      // A copy: what is held must not keep a large chunk alive.
      held = Buffer.from(bytes);
      return { frames, broken };
    },
  };
}

function fits(kind: FrameKind, length: number): boolean {
  if (kind === 'data') return length > 0 && length <= MAX_PAYLOAD_BYTES;
  return length === (kind === 'window' ? 4 : 0);
}
