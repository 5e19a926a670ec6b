import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { extract, type Header } from 'tar-stream';
import { RennetError } from '../model/errors.ts';

/** PEP 427 file names are ASCII and hold no separator; anything else in a guest's answer is an attack or a defect. */
const WHEEL_NAME = /^[A-Za-z0-9][A-Za-z0-9_.!+-]{0,240}\.whl$/;

export interface CollectedWheel {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

function checkHeader(header: Header, maxBytes: number): void {
  if (header.type !== 'file') throw badOutput(`holds a ${String(header.type)} entry`);
  if (header.linkname) throw badOutput('holds a link');
  const overrides = Object.keys(header.pax ?? {});
  if (overrides.length > 0) throw badOutput('overrides header fields by pax records');
  if (!WHEEL_NAME.test(header.name)) throw badOutput(`names a file ${JSON.stringify(header.name.slice(0, 80))}`);
  if (header.size === undefined || header.size > maxBytes) throw badOutput('is larger than allowed');
}

function badOutput(what: string): RennetError {
  return new RennetError('bad-archive', `The guest's output is refused: its archive ${what}.`);
}

/**
 * Takes the one wheel out of a dead guest's output stream: exactly one regular file with a wheel's name, nothing else.
 * `output` is hostile bytes; the wheel is written to `folder` as a new file and stays hostile.
 */
export async function collectWheel(output: string, folder: string, maxBytes: number): Promise<CollectedWheel> {
  const reader = extract();
  const source = createReadStream(output);
  source.on('error', (error) => reader.destroy(error));
  source.pipe(reader);
  let wheel: CollectedWheel | undefined;
  try {
    for await (const entry of reader) {
      checkHeader(entry.header, maxBytes);
      if (wheel) throw badOutput('holds more than one file');
      const path = join(folder, 'wheel.whl');
      wheel = { name: entry.header.name, path, ...(await writeNew(path, entry, maxBytes)) };
    }
  } catch (error) {
    if (error instanceof RennetError) throw error;
    throw new RennetError('bad-archive', "The guest's output is refused: it is not a tar archive.", '', {
      cause: error,
    });
  } finally {
    source.destroy();
  }
  if (!wheel) throw badOutput('is empty');
  return wheel;
}

async function writeNew(path: string, content: AsyncIterable<unknown>, maxBytes: number) {
  const file = await open(path, 'wx', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw badOutput('is larger than allowed');
      hash.update(chunk);
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
