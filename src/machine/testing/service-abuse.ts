import { encodeFrame } from '../service/frames.ts';
import { SERVICE_HOST } from '../service/handler.ts';
import type { ServiceClient } from './service-client.ts';

/** Opens the first stream, and sends frames. */
export function openThen(client: ServiceClient, ...frames: Buffer[]): void {
  for (const bytes of [encodeFrame('open', 1), ...frames]) client.send(bytes);
}

/** Requests whose answers nobody takes: the host stops reading them, and the stream's window is not renewed. */
export function overrun(client: ServiceClient, token: string): void {
  // The result behind it waits for its turn, and nobody reads the answer before it.
  const head = `PUT /result HTTP/1.1\r\nHost: ${SERVICE_HOST}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 4000000\r\n\r\n`;
  const sent = Buffer.concat([Buffer.from(bigFile(token) + head), Buffer.alloc(65_536 * 8)]);
  const parts = Array.from({ length: 8 }, (_, part) => sent.subarray(part * 65_536, (part + 1) * 65_536));
  openThen(client, ...parts.map((part) => encodeFrame('data', 1, part)));
}

/** One request for the largest file of the tests. */
export function bigFile(token: string): string {
  return `GET /source/a%20b.tar.gz HTTP/1.1\r\nHost: ${SERVICE_HOST}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
}
