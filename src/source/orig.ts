import { createWriteStream } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { TAR_END, tarHeader, tarPadding } from '../debian/tar-writer.ts';
import { openZip, type ZipArchive, ZIP_CAPS } from '../python/zip.ts';

/** Larger files of a zip are not repacked: each is read as a whole. */
const MAX_FILE = 256 * 1024 * 1024;

/**
 * Writes the `.orig.tar.gz`: the bytes of an sdist that is one already, else its members repacked in their order, with `epoch` as their time.
 * True where the bytes are upstream's. Errors: `bad-archive` for a zip that cannot be read or holds too much; what the file system says.
 */
export async function writeOrig(sdist: string, path: string, epoch: number, signal: AbortSignal): Promise<boolean> {
  if (!(await isZip(sdist))) {
    await copyFile(sdist, path);
    return true;
  }
  const zip = await openZip(sdist, { ...ZIP_CAPS, entries: 100_000, depth: 64, entryBytes: MAX_FILE });
  try {
    const gzip = createGzip({ level: 9 });
    await pipeline(Readable.from(members(zip, epoch)), gzip, createWriteStream(path), { signal });
  } finally {
    await zip.close();
  }
  return false;
}

async function* members(zip: ZipArchive, epoch: number): AsyncGenerator<Buffer> {
  for (const name of zip.directories)
    yield tarHeader({ name: `${name}/`, type: 'folder', mode: 0o755, bytes: 0, epoch });
  for (const { name, bytes, mode } of zip.entries) {
    yield tarHeader({ name, type: 'file', mode: (mode & 0o111) === 0 ? 0o644 : 0o755, bytes, epoch });
    yield await zip.read(name, MAX_FILE);
    yield tarPadding(bytes);
  }
  yield TAR_END;
}

async function isZip(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.toString('hex') === '504b0304';
}
