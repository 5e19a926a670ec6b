import { randomBytes } from 'node:crypto';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import { createHandler, SERVICE_HOST } from './handler.ts';
import { routesOf } from './routes.ts';
import { openTunnel } from './tunnel.ts';

/** The second channel of a guest: everything of its job by HTTP at a well-known address inside it. */
export interface GuestService {
  /** What the guest is told with the order to run. */
  readonly order: { readonly url: string; readonly token: string };
  /** The result's bytes, in place of the output channel. */
  readonly upload: Readable;
  /** Ends all streams, and `upload` with them. */
  close(): void;
}

export interface ServiceEvents {
  readonly onActivity: () => void;
  readonly onForgery: (sentence: string) => void;
}

/** Offers the folder `input` on a guest's service port. */
export async function openService(
  port: Duplex,
  input: string,
  maxUploadBytes: number,
  events: ServiceEvents,
): Promise<GuestService> {
  const token = randomBytes(32).toString('hex');
  const upload = new PassThrough();
  const { accept } = createHandler({
    routes: await routesOf(input),
    token,
    upload,
    maxUploadBytes,
    onForgery: events.onForgery,
  });
  const tunnel = openTunnel(port, { ...events, onStream: accept });
  return {
    order: { url: `http://${SERVICE_HOST}`, token },
    upload,
    close() {
      tunnel.close();
      upload.end();
    },
  };
}
