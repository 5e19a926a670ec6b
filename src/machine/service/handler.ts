import { spawn } from 'node:child_process';
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { findRoute, type Route } from './routes.ts';

/** The service's address in every guest: of TEST-NET-1 (RFC 5737), which is nobody's. */
export const SERVICE_HOST = '192.0.2.1';

/** Refused requests of one guest; so many are an attack. An honest guest has none. */
export const MAX_REFUSED = 100;
const MAX_HEADER_BYTES = 8192;
const MAX_REQUESTS_A_STREAM = 1000;
/** Requests of one stream that wait for their turn or are being answered; apt sends ten ahead. */
const MAX_UNDER_WAY = 16;
/** How long a request may take to be there whole, its body not counted. */
const REQUEST_MS = 30_000;

export interface ServiceOffer {
  readonly routes: ReadonlyMap<string, Route>;
  /** Every request carries it. */
  readonly token: string;
  /** Takes the body of the one `PUT /result`. */
  readonly upload: PassThrough;
  readonly maxUploadBytes: number;
  /** The guest made more refused requests than any honest one does. Called at most once. */
  readonly onForgery: (sentence: string) => void;
}

/**
 * Answers HTTP on streams of a tunnel, by a list of what is allowed: method and path, exactly. A wrong token is 403 whatever is asked for;
 * else unknown paths are 404, other methods 405, bodies where none belongs or larger than allowed 413, a second result 409.
 */
export function createHandler(offer: ServiceOffer): { accept: (stream: Duplex) => void } {
  let refused = 0;
  const hasUploaded = { now: false };
  const isSending = { now: false };
  const count = (): void => {
    refused += 1;
    if (refused === MAX_REFUSED) offer.onForgery(`The guest's service refused ${MAX_REFUSED} of its requests.`);
  };
  const refuse = (response: ServerResponse, status: number, headers: Record<string, string> = {}): void => {
    count();
    response.writeHead(status, { ...headers, connection: 'close', 'content-length': 0 }).end();
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.headers.host !== SERVICE_HOST || !isAllowed(request.headers.authorization, offer.token))
      return refuse(response, 403);
    const { method, url = '' } = request;
    if (url === '/result') {
      if (method !== 'PUT') return refuse(response, 405, { allow: 'PUT' });
      if (Number(request.headers['content-length'] ?? 0) > offer.maxUploadBytes) return refuse(response, 413);
      if (hasUploaded.now) return refuse(response, 409);
      hasUploaded.now = true;
      await takeUpload(request, offer.upload);
      response.writeHead(204).end();
      return;
    }
    const route = findRoute(offer.routes, url);
    if (route === undefined) return refuse(response, 404);
    if (method !== 'GET') return refuse(response, 405, { allow: 'GET' });
    if (hasBody(request)) return refuse(response, 413);
    if (route.kind !== 'tree') return give(route, response);
    // One at a time: an honest guest fetches them one after another.
    if (isSending.now) return refuse(response, 503);
    isSending.now = true;
    try {
      await giveTree(route.path, response);
    } finally {
      isSending.now = false;
    }
  };

  const deadlines = new WeakMap<object, NodeJS.Timeout>();
  const underWay = new WeakMap<object, number>();
  const turns = new WeakMap<object, Promise<void>>();
  /** When a stream is over; one listener for all its requests, since Node warns of more than ten. */
  const gone = new WeakMap<object, Promise<void>>();
  const expect = (stream: Duplex): void => {
    clearTimeout(deadlines.get(stream));
    if (!stream.destroyed) deadlines.set(stream, setTimeout(() => stream.destroy(), REQUEST_MS).unref());
  };
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: true }, (request, response) => {
    const stream: Duplex = request.socket;
    if (stream.destroyed) return; // the rest of a chunk whose stream was ended by what stood before it
    // The next request may be there before this one's answer has closed.
    underWay.set(stream, (underWay.get(stream) ?? 0) + 1);
    clearTimeout(deadlines.get(stream));
    response.on('close', () => {
      underWay.set(stream, (underWay.get(stream) ?? 1) - 1);
      if (underWay.get(stream) === 0) expect(stream);
    });
    if ((underWay.get(stream) ?? 0) > MAX_UNDER_WAY) {
      count();
      stream.destroy();
      return;
    }
    // One after another, so that what waits for its turn holds no file and no bytes of one.
    const closed = Promise.race([new Promise<void>((resolve) => response.once('close', resolve)), gone.get(stream)]);
    const turn = async (before: Promise<void> | undefined): Promise<void> => {
      await before;
      if (stream.destroyed) return;
      await answer(request, response).catch(() => stream.destroy());
      await closed;
    };
    turns.set(stream, turn(turns.get(stream)));
  });
  server.maxRequestsPerSocket = MAX_REQUESTS_A_STREAM;
  server.on('clientError', (_, stream) => {
    count();
    if (stream.writable) stream.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    stream.destroy();
  });
  server.on('connect', (_, stream) => {
    count();
    stream.destroy();
  });
  return {
    accept(stream) {
      expect(stream);
      gone.set(stream, new Promise((resolve) => stream.once('close', resolve)));
      stream.on('close', () => clearTimeout(deadlines.get(stream)));
      server.emit('connection', stream);
    },
  };
}

/** `Bearer TOKEN`, or what apt makes of `login rennet password TOKEN`; digests have one length, so that the comparison takes one time. */
function isAllowed(given: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const basic = `Basic ${Buffer.from(`rennet:${token}`).toString('base64')}`;
  const ours = digest(given ?? '');
  // Both comparisons, always.
  return [`Bearer ${token}`, basic].map((text) => timingSafeEqual(ours, digest(text))).includes(true);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** The bytes go where those of the output channel go, with the same cap; the guest's end stays open for the machine's own end. */
async function takeUpload(request: IncomingMessage, upload: PassThrough): Promise<void> {
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (upload.writableEnded) return; // the guest is over
    if (!upload.write(chunk)) await once(upload, 'drain');
  }
}

async function give(route: Exclude<Route, { kind: 'tree' }>, response: ServerResponse): Promise<void> {
  if (route.kind === 'text') {
    response.writeHead(200, { 'content-length': Buffer.byteLength(route.text) }).end(route.text);
    return;
  }
  response.writeHead(200, { 'content-length': route.bytes });
  if (route.bytes === 0) {
    response.end();
    return;
  }
  // As long as it was when the job began; it does not change while the job runs.
  await pipeline(createReadStream(route.path, { highWaterMark: 262_144, end: route.bytes - 1 }), response);
}

/** Everything root's and of time 0, as on an input disk. */
async function giveTree(path: string, response: ServerResponse): Promise<void> {
  const plain = ['--format=gnu', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  const tar = spawn('tar', ['--create', '--directory', path, ...plain, '.'], { stdio: ['ignore', 'pipe', 'ignore'] });
  response.on('close', () => tar.kill('SIGKILL'));
  const ended = once(tar, 'exit') as Promise<[number | null]>;
  ended.catch(() => {}); // it may not start while the response is being written
  response.writeHead(200);
  await pipeline(tar.stdout, response, { end: false });
  const [status] = await ended;
  // What is cut off shows as that.
  if (status === 0) response.end();
  else response.destroy();
}
