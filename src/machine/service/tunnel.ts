import { Duplex } from 'node:stream';
import { createFrameCutter, encodeFrame, encodeWindow, type Frame, MAX_PAYLOAD_BYTES, windowOf } from './frames.ts';

/** Bytes of one stream that may be under way in either direction without the receiver's word. */
export const WINDOW_BYTES = 262_144;
/** Streams at once; a further one is reset. */
export const MAX_OPEN = 64;
/** Streams in a guest's life; one more is an attack. */
export const MAX_STREAMS = 4096;
/** Pieces of one stream that wait to be read here before they are put together: a byte in a piece of its own takes hundreds. */
const MAX_PIECES = 64;
/** What may wait for the guest to read it before nothing more of it is read. */
const MAX_WAITING_BYTES = 1_048_576;
/** A stream on which nothing happens for so long is reset. */
const IDLE_MS = 120_000;
const SWEEP_MS = 10_000;

export interface TunnelEvents {
  /** A stream that the guest opened. It may be destroyed at any time. */
  readonly onStream: (stream: Duplex) => void;
  /** Bytes came from the guest. */
  readonly onActivity: () => void;
  /** The guest broke the rules; nothing more of it is read. Called at most once. */
  readonly onForgery: (sentence: string) => void;
}

interface Stream {
  readonly id: number;
  readonly duplex: Duplex;
  /** What the guest may still send. */
  granted: number;
  /** What came and was not asked for yet: copies, which keep no other bytes alive. */
  received: Buffer[];
  wants: boolean;
  /** What we may still send. */
  credit: number;
  /** Waits for credit, or for the port. */
  unsent: { bytes: Buffer; done: (error?: Error | null) => void } | undefined;
  lastAt: number;
  heardEnd: boolean;
  saidEnd: boolean;
}

/**
 * The host's end of the service channel: many streams over one port, each with its own window, so that a slow one holds up no other and
 * none fills this host's memory. Only the guest opens streams. `close` resets them all; a port that ends does too.
 */
export function openTunnel(port: Duplex, events: TunnelEvents): { close: () => void } {
  const streams = new Map<number, Stream>();
  const cutter = createFrameCutter();
  let opened = 0;
  let closed = false;

  const say = (bytes: Buffer): void => {
    if (!closed && port.writable) port.write(bytes);
  };
  const forge = (sentence: string): void => {
    if (closed) return;
    close();
    events.onForgery(sentence);
  };

  /** Sends what credit and port allow of a stream. */
  const send = (stream: Stream): void => {
    while (stream.unsent !== undefined && stream.credit > 0 && port.writableLength < MAX_WAITING_BYTES) {
      const { bytes, done } = stream.unsent;
      const part = bytes.subarray(0, Math.min(bytes.length, stream.credit, MAX_PAYLOAD_BYTES));
      say(encodeFrame('data', stream.id, part));
      stream.credit -= part.length;
      stream.lastAt = Date.now();
      stream.unsent = part.length === bytes.length ? undefined : { bytes: bytes.subarray(part.length), done };
      if (stream.unsent === undefined) done();
    }
  };
  /** Lets the guest send a window again, in few frames. */
  const grant = (stream: Stream): void => {
    const more = WINDOW_BYTES - stream.granted;
    if (more < WINDOW_BYTES / 2 || stream.heardEnd) return;
    stream.granted += more;
    say(encodeWindow(stream.id, more));
  };
  /** Hands on all that came, once it is asked for, and lets the guest send as much again. */
  const deliver = (stream: Stream): void => {
    if (!stream.wants || (stream.received.length === 0 && !stream.heardEnd)) return;
    stream.wants = false;
    const bytes = Buffer.concat(stream.received);
    stream.received = [];
    grant(stream);
    stream.duplex.push(bytes.length === 0 ? null : bytes);
  };

  const open = (id: number): void => {
    opened += 1;
    if (id !== opened) return forge('The guest opened a stream of the service out of its turn.');
    if (opened > MAX_STREAMS) return forge(`The guest opened more than ${MAX_STREAMS} streams of the service.`);
    if (streams.size >= MAX_OPEN) return say(encodeFrame('reset', id));
    const duplex = new Duplex({
      // Node then asks for one piece at a time; all else waits in `received`.
      readableHighWaterMark: 1,
      read() {
        stream.wants = true;
        deliver(stream);
      },
      write(bytes: Buffer, _encoding, done) {
        if (bytes.length === 0) return done(); // http ends some answers so; a frame of data has bytes
        stream.unsent = { bytes, done };
        send(stream);
      },
      final(done) {
        stream.saidEnd = true;
        say(encodeFrame('end', id));
        done();
      },
      destroy(error, done) {
        if (streams.delete(id) && !(stream.heardEnd && stream.saidEnd)) say(encodeFrame('reset', id));
        stream.unsent = undefined;
        done(error);
      },
    });
    const stream: Stream = {
      id,
      duplex,
      granted: WINDOW_BYTES,
      received: [],
      wants: false,
      credit: WINDOW_BYTES,
      unsent: undefined,
      lastAt: Date.now(),
      heardEnd: false,
      saidEnd: false,
    };
    duplex.on('error', () => {}); // whoever uses it sees its end
    streams.set(id, stream);
    events.onStream(duplex);
  };

  const hear = (frame: Frame): void => {
    if (frame.kind === 'open') return open(frame.stream);
    if (frame.stream > opened) return forge('The guest used a stream of the service that it never opened.');
    const stream = streams.get(frame.stream);
    if (stream === undefined) return; // it was reset; this crossed the reset
    stream.lastAt = Date.now();
    switch (frame.kind) {
      case 'data':
        if (stream.heardEnd || frame.payload.length > stream.granted)
          return forge('The guest sent more on a stream of the service than it may.');
        stream.granted -= frame.payload.length;
        stream.received.push(Buffer.from(frame.payload));
        if (stream.received.length > MAX_PIECES) stream.received = [Buffer.concat(stream.received)];
        return deliver(stream);
      case 'end':
        if (stream.heardEnd) return forge('The guest ended a stream of the service twice.');
        stream.heardEnd = true;
        return deliver(stream);
      case 'reset':
        streams.delete(stream.id);
        stream.duplex.destroy();
        return;
      case 'window':
        stream.credit += windowOf(frame);
        if (stream.credit > WINDOW_BYTES) return forge('The guest asked for more of a stream than its window holds.');
        return send(stream);
    }
  };

  const onData = (chunk: Buffer): void => {
    events.onActivity();
    const { frames, broken } = cutter.push(chunk);
    for (const frame of frames) if (!closed) hear(frame);
    if (broken) forge('The guest sent something on the service channel that is no frame.');
    // A guest that sends and never reads: its answers wait here.
    if (!closed && port.writableLength >= MAX_WAITING_BYTES) port.pause();
  };
  const onDrain = (): void => {
    if (closed) return;
    port.resume();
    for (const stream of streams.values()) send(stream);
  };
  const sweep = setInterval(() => {
    const now = Date.now();
    for (const { duplex, lastAt } of streams.values()) if (now - lastAt > IDLE_MS) duplex.destroy();
  }, SWEEP_MS);
  const close = (): void => {
    if (closed) return;
    closed = true;
    clearInterval(sweep);
    port.off('data', onData);
    port.off('drain', onDrain);
    port.resume(); // to nowhere: a port that is not read keeps the guest's machine from ending
    for (const { duplex } of streams.values()) duplex.destroy();
    streams.clear();
  };
  port.on('data', onData);
  port.on('drain', onDrain);
  port.on('close', close);
  port.on('error', close);
  return { close };
}
