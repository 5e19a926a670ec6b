import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { RennetError } from '../model/errors.ts';
import type { Progress } from '../model/progress.ts';
import type { ReleaseFile } from '../model/release.ts';
import { truncated } from './http-failure.ts';
import type { HttpGet } from './http.ts';
import { fileError } from '../host/files.ts';

/** Joins a body. With `upTo` given: undefined as soon as there is more than that. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer>;
export async function collect(body: AsyncIterable<Uint8Array>, upTo: number): Promise<Buffer | undefined>;
export async function collect(body: AsyncIterable<Uint8Array>, upTo = Infinity): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > upTo) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Downloads a file of the index to `path` (which must not exist), hashing as it comes; synced when this returns.
 * Nothing is left on failure. RennetError `wrong-hash`, `download-truncated`, `too-large`, `no-space`, or as
 * `createHttpGet`.
 */
export async function downloadTo(
  get: HttpGet,
  file: ReleaseFile,
  path: string,
  maxBytes: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  const doing = `downloading ${file.filename}`;
  const cap = Math.min(maxBytes, file.bytes ?? maxBytes);
  try {
    const result = await get(
      new URL(file.url),
      { 'accept-encoding': 'identity' },
      async (answer) => {
        if (answer.status !== 200)
          throw new RennetError('index-failed', `The index answers ${answer.status} for ${file.filename}.`);
        const announced = Number(answer.headers['content-length'] ?? Number.NaN);
        const total = file.bytes ?? (Number.isFinite(announced) ? announced : undefined);
        if (total !== undefined && total > maxBytes) throw tooLarge(file, maxBytes);
        const hash = createHash('sha256');
        const other = file.otherHash && createHash(file.otherHash.algorithm);
        const out = await open(path, 'w');
        let done = 0;
        try {
          for await (const chunk of answer.body(cap)) {
            hash.update(chunk);
            other?.update(chunk);
            await out.writeFile(chunk);
            done += chunk.length;
            progress({ doing, done, ...(total === undefined ? {} : { total }), unit: 'bytes' });
          }
          await out.sync();
        } finally {
          await out.close();
        }
        return { bytes: done, sha256: hash.digest('hex'), other: other?.digest('hex') };
      },
      signal,
    );
    verify(file, result);
    return { bytes: result.bytes, sha256: result.sha256 };
  } catch (cause) {
    await rm(path, { force: true });
    if (!(cause instanceof RennetError) || cause.code !== 'unknown-project') throw fileError(cause, path);
    throw new RennetError(
      'index-failed',
      `The index lists ${file.filename} and does not have it.`,
      'Try again later.',
      { cause },
    );
  }
}

interface Downloaded {
  readonly bytes: number;
  readonly sha256: string;
  /** By the algorithm of the file's `otherHash`. */
  readonly other: string | undefined;
}

function verify(file: ReleaseFile, { bytes, sha256, other }: Downloaded): void {
  if (file.bytes !== undefined && bytes < file.bytes) throw truncated(file.filename);
  if (file.sha256 !== undefined) compare(file, 'sha256', sha256, file.sha256);
  if (file.otherHash !== undefined) compare(file, file.otherHash.algorithm, other ?? '', file.otherHash.digest);
}

function compare(file: ReleaseFile, algorithm: string, found: string, announced: string): void {
  if (found === announced) return;
  throw new RennetError(
    'wrong-hash',
    `${file.filename} has the ${algorithm} ${found}, and the index says ${announced}; the file is not used.`,
    'Try again; where it stays so, the index or something on the way to it changes files.',
  );
}

function tooLarge(file: ReleaseFile, maxBytes: number): RennetError {
  return new RennetError(
    'too-large',
    `${file.filename} is larger than ${maxBytes} bytes, the most that Rennet downloads.`,
  );
}
