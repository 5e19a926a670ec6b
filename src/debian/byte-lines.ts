import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const NEWLINE = 0x0a;

/** One line as a range of bytes: only valid during the call. */
export type VisitLine = (bytes: Buffer, start: number, end: number) => void;

/**
 * Calls `visit` for every line of a plain or gzip file without making a string of it: a suite's Contents lists have 7 million lines
 * and 670 MB. Memory is one chunk. Rejects with the stream's error, or the signal's reason.
 */
export async function readByteLines(path: string, visit: VisitLine, signal?: AbortSignal): Promise<void> {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  let source: Readable = file;
  if (path.endsWith('.gz')) {
    const gunzip = createGunzip({ chunkSize: 256 * 1024 });
    file.on('error', (error) => gunzip.destroy(error));
    source = file.pipe(gunzip);
  }
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      rest = visitChunk(rest, chunk, visit);
    }
  } finally {
    file.destroy();
  }
  if (rest.length > 0) visit(rest, 0, rest.length);
}

/** Visits all whole lines; gives back what stands behind the last newline. */
function visitChunk(rest: Buffer, chunk: Buffer, visit: VisitLine): Buffer {
  let position = 0;
  if (rest.length > 0) {
    const end = chunk.indexOf(NEWLINE);
    if (end < 0) return Buffer.concat([rest, chunk]);
    const line = Buffer.concat([rest, chunk.subarray(0, end)]);
    visit(line, 0, line.length);
    position = end + 1;
  }
  for (;;) {
    const end = chunk.indexOf(NEWLINE, position);
    if (end < 0) return Buffer.from(chunk.subarray(position));
    visit(chunk, position, end);
    position = end + 1;
  }
}
