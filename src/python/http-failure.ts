import type { IncomingHttpHeaders } from 'node:http';
import { RennetError } from '../model/errors.ts';
import { printable } from './address.ts';

/** Raised into a request when nothing came for too long. */
export class Silence extends Error {}

/** What a failed try tells the retry loop; hangs on the error as its cause. */
class Passing extends Error {
  readonly afterMs: number | undefined;
  constructor(message: string, afterMs?: number, options?: { cause?: unknown }) {
    super(message, options);
    this.afterMs = afterMs;
  }
}

/** True for time-outs, 5xx, 429 and a kept connection that the server had closed already. */
export function isRetryable(error: unknown): boolean {
  return error instanceof RennetError && error.cause instanceof Passing;
}

/** The wait that the server asked for, in milliseconds. */
export function retryAfterMs(error: unknown): number | undefined {
  return error instanceof RennetError && error.cause instanceof Passing ? error.cause.afterMs : undefined;
}

/** The error for an answer that is none of 200, 206, 304 and 416. */
export function statusFailure(
  answer: { status: number; headers: IncomingHttpHeaders; url: URL },
  indexUrl: string,
): RennetError | undefined {
  const { status, url } = answer;
  if ([200, 206, 304, 416].includes(status)) return undefined;
  const where = printable(url);
  if (status === 404 || status === 410)
    return new RennetError('unknown-project', `The index has no ${where} (${status}).`);
  if (status === 401 || status === 403 || status === 407) {
    const hint = `Put the user name and password for ${new URL(indexUrl).host} into ~/.netrc, pip's index-url or --index-url.`;
    return new RennetError('index-refused', `The index refuses access to ${where} (${status}).`, hint);
  }
  const passing = status >= 500 || status === 429;
  const cause = passing ? new Passing(`status ${status}`, readRetryAfter(answer.headers['retry-after'])) : undefined;
  const sentence = `The index answers ${status} for ${where}${passing ? ', several times in a row' : ''}.`;
  return new RennetError('index-failed', sentence, passing ? 'Try again later.' : '', { cause });
}

/** The error for a request that got no answer. */
export function connectFailure(
  cause: NodeJS.ErrnoException,
  url: URL,
  timeoutMs: number,
  reused: boolean,
): RennetError {
  if (cause instanceof RennetError) return cause;
  const { host, hostname } = url;
  if (cause instanceof Silence || cause.code === 'ETIMEDOUT') return silent(cause, url, timeoutMs);
  if (reused && cause.code === 'ECONNRESET') {
    const passing = new Passing('the server had closed the kept connection', 0, { cause });
    return new RennetError('index-unreachable', `${host} closes the connection.`, 'Try again later.', {
      cause: passing,
    });
  }
  const [sentence, hint] = explain(cause, host, hostname);
  return new RennetError('index-unreachable', sentence, hint, { cause });
}

function explain(cause: NodeJS.ErrnoException, host: string, hostname: string): [string, string] {
  const code = cause.code ?? '';
  if (['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'].includes(code)) {
    return [`The name ${hostname} cannot be resolved (${code}).`, "Check this host's network and pip's index-url."];
  }
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) {
    return [
      `The TLS connection to ${host} fails: ${cause.message.split('\n')[0] ?? code} (${code}).`,
      "Certificates are the system's; another file can be named by PIP_CERT.",
    ];
  }
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'refuses the connection',
    ECONNRESET: 'closes the connection without an answer',
    EHOSTUNREACH: 'cannot be reached',
    ENETUNREACH: 'cannot be reached: there is no network',
  };
  return [
    `${host} ${why[code] ?? `cannot be asked: ${cause.message}`} (${code || 'no code'}).`,
    "Try again when the index is up; pip's index-url names it.",
  ];
}

/** The error for a body that ended before its end. */
export function bodyFailure(cause: unknown, url: URL, timeoutMs: number): unknown {
  if (cause instanceof Silence) return silent(cause, url, timeoutMs);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'EPIPE'].includes(code) || code.startsWith('HPE_')) {
    return truncated(printable(url), cause);
  }
  return cause;
}

export function truncated(what: string, cause?: unknown): RennetError {
  const sentence = `${what} ended before its last byte: the index or the network broke off.`;
  return new RennetError('download-truncated', sentence, 'Try again.', { cause });
}

function silent(cause: Error, url: URL, timeoutMs: number): RennetError {
  const sentence = `${url.host} was silent for ${Math.round(timeoutMs / 1000)} s.`;
  const passing = new Passing('silence', undefined, { cause });
  return new RennetError('index-unreachable', sentence, 'Try again later; PIP_DEFAULT_TIMEOUT makes the wait longer.', {
    cause: passing,
  });
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
