import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { crc32, deflateRawSync } from 'node:zlib';
import type { IndexSettings } from '../settings.ts';

/** A loopback index: what it was asked, in order. */
export interface IndexServer {
  readonly url: string;
  readonly settings: IndexSettings;
  /** `path` and `path [range]` of every request. */
  readonly asked: string[];
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

/** Serves on the loopback; `answers` by path, or one listener for all. Unknown paths give 404. */
export async function startIndexServer(
  answers: Readonly<Record<string, RequestListener>>,
  tls?: { key: string; cert: string },
): Promise<IndexServer> {
  const asked: string[] = [];
  const requests: IncomingMessage[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { range } = request.headers;
    asked.push(`${request.url ?? ''}${range === undefined ? '' : ` ${range}`}`);
    requests.push(request);
    const answer = answers[request.url ?? ''] ?? answers['*'];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return {
    url,
    settings: { indexUrl: `${url}/simple`, timeoutMs: 5000, ignored: [] },
    asked,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with bytes, honouring one range. */
export function serve(bytes: Uint8Array | string, headers: Readonly<Record<string, string>> = {}): RequestListener {
  const content = Buffer.from(bytes);
  return (request, response) => {
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (from === '' && to === '') {
      response.writeHead(200, { 'content-length': content.length, ...headers }).end(content);
      return;
    }
    const start = from === '' ? Math.max(0, content.length - Number(to)) : Number(from);
    const end = from === '' || to === '' ? content.length : Math.min(content.length, Number(to) + 1);
    const part = content.subarray(start, end);
    const contentRange = `bytes ${start}-${end - 1}/${content.length}`;
    response.writeHead(206, { 'content-length': part.length, 'content-range': contentRange }).end(part);
  };
}

/** A PEP 691 page. */
export function jsonPage(
  name: string,
  files: readonly object[],
  headers: Readonly<Record<string, string>> = {},
): RequestListener {
  const body = JSON.stringify({ meta: { 'api-version': '1.1' }, name, files });
  return serve(body, { 'content-type': 'application/vnd.pypi.simple.v1+json', ...headers });
}

/** A zip archive; `stored` members are not packed. */
export function makeZip(members: readonly { name: string; content: Uint8Array | string; stored?: boolean }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, stored = false } of members) {
    const plain = Buffer.from(content);
    const packed = stored ? plain : deflateRawSync(plain);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(stored ? 0 : 8, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
