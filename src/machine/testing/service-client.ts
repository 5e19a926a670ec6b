import { type Agent, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Duplex } from 'node:stream';
import { createFrameCutter, encodeFrame, encodeWindow, type Frame, windowOf } from '../service/frames.ts';
import { SERVICE_HOST } from '../service/handler.ts';
import { WINDOW_BYTES } from '../service/tunnel.ts';

/** The guest's side of the service channel, for tests: honest streams, and frames of any kind. */
export interface ServiceClient {
  /** Opens a stream that keeps to its windows. */
  connect(): Duplex;
  /** Sends bytes as they are. */
  send(bytes: Uint8Array): void;
  /** Frames of the host so far, windows and data of honest streams included. */
  readonly heard: Frame[];
  /** One request on a stream of its own; `status` 0 where the stream was reset before an answer. */
  fetch(path: string, options?: Fetch): Promise<Answer>;
}

export interface Fetch {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

interface Ours {
  readonly duplex: Duplex;
  credit: number;
  /** What the host may still send. */
  granted: number;
  unsent: { bytes: Buffer; done: () => void } | undefined;
}

export function createServiceClient(port: Duplex, token: string): ServiceClient {
  const streams = new Map<number, Ours>();
  const heard: Frame[] = [];
  const cutter = createFrameCutter();
  let opened = 0;
  const push = (number: number, stream: Ours): void => {
    while (stream.unsent !== undefined && stream.credit > 0) {
      const { bytes, done } = stream.unsent;
      const part = bytes.subarray(0, Math.min(bytes.length, stream.credit, 32_760));
      port.write(encodeFrame('data', number, part));
      stream.credit -= part.length;
      stream.unsent = part.length === bytes.length ? undefined : { bytes: bytes.subarray(part.length), done };
      if (stream.unsent === undefined) done();
    }
  };
  port.on('data', (chunk: Buffer) => {
    const { frames, broken } = cutter.push(chunk);
    if (broken) throw new Error('The host sent something that is no frame.');
    for (const frame of frames) {
      if (heard.length < 10_000) heard.push(frame);
      const stream = streams.get(frame.stream);
      if (stream === undefined) continue;
      stream.granted -= frame.kind === 'data' ? frame.payload.length : 0;
      if (frame.kind === 'data') stream.duplex.push(frame.payload);
      if (frame.kind === 'end') stream.duplex.push(null);
      if (frame.kind === 'reset') stream.duplex.destroy(new Error('reset'));
      if (frame.kind === 'window') stream.credit += windowOf(frame);
      if (frame.kind === 'window') push(frame.stream, stream);
    }
  });
  port.on('error', () => {});
  const connect = (): Duplex => {
    opened += 1;
    const number = opened;
    const duplex = new Duplex({
      read() {
        const stream = streams.get(number);
        if (stream === undefined) return;
        const more = WINDOW_BYTES - stream.granted - duplex.readableLength;
        if (more < WINDOW_BYTES / 2) return;
        stream.granted += more;
        port.write(encodeWindow(number, more));
      },
      write(bytes: Buffer, _encoding, done) {
        const stream = streams.get(number);
        if (stream === undefined) return done(new Error('reset'));
        stream.unsent = { bytes, done };
        push(number, stream);
      },
      final(done) {
        port.write(encodeFrame('end', number));
        done();
      },
      destroy(error, done) {
        streams.delete(number);
        done(error);
      },
    });
    duplex.on('error', () => {});
    streams.set(number, { duplex, credit: WINDOW_BYTES, granted: WINDOW_BYTES, unsent: undefined });
    port.write(encodeFrame('open', number));
    return duplex;
  };
  return {
    connect,
    send: (bytes) => void port.write(bytes),
    heard,
    fetch: (path, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve) => {
        const given = { host: SERVICE_HOST, authorization: `Bearer ${token}`, ...headers };
        const sent = request({ path, method, headers: given, agent: onStream(connect) }, (response) => {
          buffer(response).then(
            (content) => resolve({ status: response.statusCode ?? 0, body: content }),
            () => resolve({ status: 0, body: Buffer.alloc(0) }),
          );
        });
        sent.on('error', () => resolve({ status: 0, body: Buffer.alloc(0) }));
        sent.end(body);
      }),
  };
}

/** What http asks of an agent. */
function onStream(connect: () => Duplex): Agent {
  const addRequest = (message: { onSocket(stream: Duplex): void }): void => message.onSocket(connect());
  return { addRequest, defaultPort: 80, protocol: 'http:' } as unknown as Agent;
}
