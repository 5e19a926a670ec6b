import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import pLimit from 'p-limit';
import { RennetError } from '../model/errors.ts';
import { guardAddresses, isLoopbackHost, printable } from './address.ts';
import { bodyFailure, connectFailure, isRetryable, retryAfterMs, Silence, statusFailure } from './http-failure.ts';
import type { IndexSettings } from './settings.ts';

/** Bounds of the traffic with an index; tests make them small. */
export interface HttpCaps {
  readonly requestsAtOnce: number;
  readonly redirects: number;
  /** Tries after the first one, for time-outs, 5xx and 429 only. */
  readonly retries: number;
  readonly retryDelayMs: number;
  /** The longest that a Retry-After is waited for. */
  readonly retryAfterMs: number;
}

export const HTTP_CAPS: HttpCaps = {
  requestsAtOnce: 6,
  redirects: 5,
  retries: 2,
  retryDelayMs: 500,
  retryAfterMs: 30_000,
};

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The address after redirects. */
  readonly url: URL;
  /** The raw body; raises RennetError for silence, a broken connection and more than `cap` bytes. */
  body(cap: number): AsyncIterable<Uint8Array>;
}

/** Gets an address and hands the answer to `consume`, again from the start where a try failed in a way that passes. */
export type HttpGet = <T>(
  url: URL,
  headers: Readonly<Record<string, string>>,
  consume: (answer: HttpAnswer) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Makes the one way to the index: settings, certificates, proxy, redirects, retries, at most six requests at once.
 * Answers other than 200, 206, 304 and 416 become errors: `unknown-project` (404, 410), `index-refused` (401, 403),
 * `index-failed` (the rest), `index-unreachable` (names, connections, TLS, silence), `download-truncated`.
 */
export function createHttpGet(settings: IndexSettings, caps: HttpCaps = HTTP_CAPS): HttpGet {
  const limit = pLimit(caps.requestsAtOnce);
  const send = createSender(settings, caps);
  return (url, headers, consume, signal) =>
    limit(async () => {
      for (let attempt = 0; ; attempt += 1) {
        signal.throwIfAborted();
        try {
          return await take(await send(url, headers, signal), settings.indexUrl, consume);
        } catch (error) {
          signal.throwIfAborted();
          if (attempt >= caps.retries || !isRetryable(error)) throw error;
          const asked = retryAfterMs(error);
          await sleep(Math.min(asked ?? caps.retryDelayMs * 4 ** attempt, caps.retryAfterMs), undefined, { signal });
        }
      }
    });
}

/** Whatever becomes of an answer, its connection is free afterwards. */
async function take<T>(answer: Sent, indexUrl: string, consume: (answer: HttpAnswer) => Promise<T>): Promise<T> {
  try {
    const failure = statusFailure(answer, indexUrl);
    if (failure !== undefined) throw failure;
    return await consume(answer);
  } finally {
    answer.destroy();
  }
}

type Sent = HttpAnswer & { destroy(): void };

function createSender(settings: IndexSettings, caps: HttpCaps) {
  const guard = guardAddresses(settings.indexUrl);
  const indexOrigin = new URL(settings.indexUrl).origin;
  // Made when first needed: reading the certificates costs more than a plan from the cache.
  let agents: Agents | undefined;
  const proxied = usesProxy(settings);
  return async (start: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Sent> => {
    agents ??= createAgents(settings);
    let url = await guard.check(start);
    for (let hop = 0; ; hop += 1) {
      const authorized = settings.credentials !== undefined && url.origin === indexOrigin;
      const response = await request(
        url,
        signal,
        {
          agent: url.protocol === 'https:' ? agents.https : agents.http,
          headers: {
            'user-agent': 'rennet',
            ...headers,
            ...(authorized ? { authorization: settings.credentials?.() } : {}),
          },
          // Behind a proxy the only name that is looked up here is the proxy's own.
          ...(proxied ? {} : { lookup: guard.lookup }),
        },
        settings.timeoutMs,
      );
      const location = response.headers.location;
      if (!REDIRECTS.has(response.statusCode ?? 0) || location === undefined)
        return sent(response, url, settings.timeoutMs);
      response.destroy();
      if (hop >= caps.redirects) {
        throw new RennetError('index-failed', `${printable(start)} redirects more than ${caps.redirects} times.`);
      }
      url = await guard.check(followed(url, location));
    }
  };
}

function followed(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) {
    throw new RennetError('index-failed', `${printable(from)} redirects to something that is no address.`);
  }
  const to = new URL(location, from);
  if (from.protocol === 'https:' && to.protocol === 'http:' && !isLoopbackHost(to.hostname)) {
    throw new RennetError('index-refused', `${printable(from)} redirects from https to http; that is refused.`);
  }
  return to;
}

function request(
  url: URL,
  signal: AbortSignal,
  options: https.RequestOptions,
  timeoutMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const client = url.protocol === 'https:' ? https : http;
    const sending = client.request(url, { ...options, signal });
    const silence = setTimeout(() => sending.destroy(new Silence()), timeoutMs);
    sending.once('close', () => clearTimeout(silence));
    sending.once('error', (cause: NodeJS.ErrnoException) => {
      reject(signal.aborted ? (signal.reason as Error) : connectFailure(cause, url, timeoutMs, sending.reusedSocket));
    });
    sending.once('response', (response: IncomingMessage) => {
      clearTimeout(silence);
      resolve(response);
    });
    sending.end();
  });
}

function sent(response: IncomingMessage, url: URL, timeoutMs: number): Sent {
  // An error after the last byte was asked for (destroyed on purpose) has nobody to tell.
  response.on('error', () => {});
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    url,
    destroy: () => void response.destroy(),
    async *body(cap) {
      let bytes = 0;
      const silence = setTimeout(() => response.destroy(new Silence()), timeoutMs);
      try {
        for await (const chunk of response as AsyncIterable<Buffer>) {
          silence.refresh();
          bytes += chunk.length;
          if (bytes > cap) throw new RennetError('too-large', `${printable(url)} is larger than ${cap} bytes.`);
          yield chunk;
        }
      } catch (cause) {
        throw bodyFailure(cause, url, timeoutMs);
      } finally {
        clearTimeout(silence);
      }
    },
  };
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

function createAgents(settings: IndexSettings): Agents {
  const proxyEnv = {
    ...process.env,
    ...(settings.proxy === undefined ? {} : { HTTP_PROXY: settings.proxy, HTTPS_PROXY: settings.proxy }),
  };
  const common = { keepAlive: true, proxyEnv };
  // One context for all connections: reading a bundle of certificates anew for each one costs milliseconds.
  const secureContext =
    settings.cert === undefined ? undefined : createSecureContext({ ca: readCertificates(settings.cert) });
  return {
    http: new http.Agent(common),
    https: new https.Agent({ ...common, ...(secureContext && { secureContext }) }),
  };
}

function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new RennetError(
      'bad-usage',
      `pip's cert setting names ${path}, which cannot be read.`,
      'Correct PIP_CERT or pip.conf.',
      { cause },
    );
  }
}

function usesProxy(settings: IndexSettings): boolean {
  const { env } = process;
  const named = settings.proxy ?? env['https_proxy'] ?? env['HTTPS_PROXY'] ?? env['http_proxy'] ?? env['HTTP_PROXY'];
  return named !== undefined && named !== '';
}
