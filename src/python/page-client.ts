import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { RennetError } from '../model/errors.ts';
import type { Project } from '../model/release.ts';
import { printable } from './address.ts';
import { collect } from './download.ts';
import type { HttpAnswer, HttpGet } from './http.ts';
import { truncated } from './http-failure.ts';
import type { IndexCache, KeptPage } from './index-cache.ts';
import { ACCEPTED_PAGES, parseIndexPage } from './index-page.ts';

/** How long a page counts as fresh where the index says nothing about it. */
const FRESH_MS = 10 * 60_000;
const FRESH_AT_MOST_MS = 3600_000;

/**
 * Gets a project's page: from the cache while it is fresh, by a conditional request where the index gave a validator,
 * else anew. RennetError `unknown-project`, `bad-index-page`, `too-large`, or as `createHttpGet`.
 */
export async function getProject(
  get: HttpGet,
  cache: IndexCache,
  address: URL,
  project: string,
  pageBytes: number,
  signal: AbortSignal,
): Promise<Project> {
  const kept = await cache.page(address.href);
  const age = kept === undefined ? Infinity : Date.now() - kept.fetchedAt;
  if (kept !== undefined && age >= 0 && age < kept.freshMs) return parseIndexPage(kept, project);
  const headers = {
    accept: ACCEPTED_PAGES,
    'accept-encoding': 'gzip',
    ...(kept?.etag === undefined ? {} : { 'if-none-match': kept.etag }),
    ...(kept?.lastModified === undefined ? {} : { 'if-modified-since': kept.lastModified }),
  };
  const page = await get(address, headers, (answer) => readPage(answer, kept, pageBytes), signal).catch(
    (error: unknown) => {
      if (!(error instanceof RennetError) || error.code !== 'unknown-project') throw error;
      throw new RennetError(
        'unknown-project',
        `The index has no project ${project}.`,
        "Check the spelling, and that pip's index-url names the right index.",
        {
          cause: error,
        },
      );
    },
  );
  // Read before it is kept: a page that is none must not stay for ten minutes.
  const read = parseIndexPage(page, project);
  if (page.freshMs > 0 || page.etag !== undefined || page.lastModified !== undefined)
    await cache.keepPage(address.href, page);
  return read;
}

async function readPage(answer: HttpAnswer, kept: KeptPage | undefined, cap: number): Promise<KeptPage> {
  const { headers } = answer;
  const fetchedAt = Date.now();
  if (answer.status === 304 && kept !== undefined)
    return { ...kept, fetchedAt, freshMs: freshFor(headers, kept.freshMs) };
  if (answer.status !== 200) {
    throw new RennetError('index-failed', `The index answers ${answer.status} for ${printable(answer.url)}.`);
  }
  const validators = { etag: headers.etag, lastModified: headers['last-modified'] };
  const stored = !/\bno-store\b/.test(headers['cache-control'] ?? '');
  const hasValidator = validators.etag !== undefined || validators.lastModified !== undefined;
  return {
    contentType: headers['content-type'] ?? '',
    url: answer.url.href,
    body: (await readBody(answer, cap)).toString('utf8'),
    fetchedAt,
    freshMs: freshFor(headers, hasValidator ? 0 : FRESH_MS),
    ...(stored ? validators : {}),
  };
}

/** RFC 9111, section 5.2.2; `otherwise` where the index says nothing. */
function freshFor(headers: IncomingHttpHeaders, otherwise: number): number {
  const control = headers['cache-control'] ?? '';
  if (/\bno-(?:cache|store)\b/.test(control)) return 0;
  const seconds = /(?:^|[\s,])max-age=(\d+)/.exec(control)?.[1];
  return seconds === undefined ? otherwise : Math.min(Number(seconds) * 1000, FRESH_AT_MOST_MS);
}

async function readBody(answer: HttpAnswer, cap: number): Promise<Buffer> {
  const where = printable(answer.url);
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return collect(answer.body(cap));
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new RennetError('index-failed', `${where} comes in the encoding ${encoding}, which was not asked for.`);
  }
  const packed = Readable.from(answer.body(cap));
  const unpacked = createGunzip();
  packed.on('error', (error) => unpacked.destroy(error));
  try {
    const body = await collect(packed.pipe(unpacked), cap);
    if (body === undefined) throw new RennetError('too-large', `${where} is larger than ${cap} bytes.`);
    return body;
  } catch (cause) {
    if (cause instanceof RennetError) throw cause;
    throw truncated(where, cause);
  } finally {
    packed.destroy();
  }
}
