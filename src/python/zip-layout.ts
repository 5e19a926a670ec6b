import { quoted } from '../model/text.ts';
import type { FileHandle } from 'node:fs/promises';
import type { CentralRecord } from './zip-entry.ts';
import { badArchive, FLAG_DESCRIPTOR } from './zip-entry.ts';

/** The end record (APPNOTE.TXT 4.3.16): where the list of files is, and how many it has. */
export interface EndRecord {
  readonly count: number;
  readonly directoryOffset: number;
  readonly directoryBytes: number;
}

const WINDOW_BYTES = 16 * 1024;
type Read = (position: number, length: number) => Promise<Buffer>;

/** Reads `length` bytes at `position`; throws `bad-archive` where the file is shorter. */
export async function readExactly(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw badArchive('was cut off');
    done += bytesRead;
  }
  return buffer;
}

/** Reads ranges of a file that mostly follow one another, with few calls: 50,000 headers would be 100,000 calls else. */
function createWindow(handle: FileHandle, limit: number): Read {
  let start = 0;
  let window: Buffer = Buffer.alloc(0);
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      start = position;
      window = await readExactly(handle, position, Math.max(length, Math.min(WINDOW_BYTES, limit - position)));
    }
    return window.subarray(position - start, position - start + length);
  };
}

/**
 * Finds the end record, which with its comment must end the file, and the list of files, which must end where the end
 * record begins: nothing can hide behind, and no reader can find another list.
 */
export async function readEndRecord(handle: FileHandle, size: number): Promise<EndRecord> {
  const tailBytes = Math.min(size, 22 + 0xffff);
  const tail = await readExactly(handle, size - tailBytes, tailBytes);
  const at = tail.lastIndexOf(Buffer.from('PK\u0005\u0006'));
  if (at === -1 || at + 22 > tail.length) throw badArchive('is no zip file, or was cut off');
  if (at + 22 + tail.readUInt16LE(at + 20) !== tail.length) throw badArchive('has bytes after its end');
  if (at >= 20 && tail.readUInt32LE(at - 20) === 0x07064b50) throw badArchive('is in zip64 form, which is not read');
  const count = tail.readUInt16LE(at + 10);
  const oneDisk = tail.readUInt16LE(at + 4) === 0 && tail.readUInt16LE(at + 6) === 0;
  if (!oneDisk || tail.readUInt16LE(at + 8) !== count) throw badArchive('is spread over several disks');
  const directoryBytes = tail.readUInt32LE(at + 12);
  const directoryOffset = tail.readUInt32LE(at + 16);
  if (directoryOffset + directoryBytes !== size - tailBytes + at) {
    throw badArchive('has bytes between its list of files and its end, or before its beginning');
  }
  return { count, directoryOffset, directoryBytes };
}

/**
 * Checks that local headers, contents and descriptors follow one another from the first byte of the file to the list of
 * files, without gap and overlap, and say what the list says. Gives each record's place of content.
 */
export async function locateContents(
  handle: FileHandle,
  records: readonly CentralRecord[],
  directoryOffset: number,
): Promise<Map<CentralRecord, number>> {
  const read = createWindow(handle, directoryOffset);
  const places = new Map<CentralRecord, number>();
  const inOrder = records.toSorted((a, b) => a.offset - b.offset);
  let position = 0;
  for (const [index, record] of inOrder.entries()) {
    if (record.offset !== position) throw badArchive(`has a gap or an overlap before ${quoted(record.name)}`);
    const next = inOrder[index + 1]?.offset ?? directoryOffset;
    const local = await readLocalHeader(read, record, directoryOffset);
    places.set(record, local.contentAt);
    position = local.contentAt + record.compressedBytes;
    if ((record.flags & FLAG_DESCRIPTOR) !== 0) position = await readDescriptor(read, record, position, next);
  }
  if (position !== directoryOffset) throw badArchive('has a gap or an overlap before its list of files');
  return places;
}

async function readLocalHeader(read: Read, record: CentralRecord, limit: number): Promise<{ contentAt: number }> {
  const shown = quoted(record.name);
  const fixed = 30 + record.rawName.length;
  if (record.offset + fixed > limit) throw badArchive(`has no content for ${shown}`);
  const header = await read(record.offset, fixed);
  const differs = () => badArchive(`says different things about ${shown} in two places`);
  if (header.readUInt32LE(0) !== 0x04034b50) throw badArchive(`has no content for ${shown}`);
  if (header.readUInt16LE(6) !== record.flags || header.readUInt16LE(8) !== record.method) throw differs();
  if (header.readUInt16LE(26) !== record.rawName.length || !header.subarray(30).equals(record.rawName)) throw differs();
  const extraBytes = header.readUInt16LE(28);
  const contentAt = record.offset + fixed + extraBytes;
  if (contentAt + record.compressedBytes > limit) throw badArchive(`has no content for ${shown}`);
  const told = [header.readUInt32LE(14), header.readUInt32LE(18), header.readUInt32LE(22)] as const;
  const real = [record.crc32, record.compressedBytes, record.bytes] as const;
  // A writer that could not seek leaves zeros here and appends a descriptor.
  const later = (record.flags & FLAG_DESCRIPTOR) !== 0 && told.every((value) => value === 0);
  if (told[1] === 0xffffffff || told[2] === 0xffffffff) {
    const extra = await read(record.offset + fixed, extraBytes);
    if (told[0] !== real[0] || !zip64Agrees(extra, record)) throw differs();
  } else if (!later && told.some((value, index) => value !== real[index])) throw differs();
  return { contentAt };
}

/** Python's zipfile writes local zip64 sizes when it is told that a file may grow; they must be the real ones. */
function zip64Agrees(extra: Buffer, record: CentralRecord): boolean {
  return (
    extra.length >= 20 &&
    extra.readUInt16LE(0) === 1 &&
    extra.readUInt16LE(2) === 16 &&
    extra.readBigUInt64LE(4) === BigInt(record.bytes) &&
    extra.readBigUInt64LE(12) === BigInt(record.compressedBytes)
  );
}

/** APPNOTE.TXT 4.3.9: an optional signature, then checksum and both sizes. */
async function readDescriptor(read: Read, record: CentralRecord, at: number, next: number): Promise<number> {
  const length = next - at;
  if (length !== 12 && length !== 16) throw badArchive(`has a broken descriptor after ${quoted(record.name)}`);
  const descriptor = await read(at, length);
  const signed = length === 16;
  const values = descriptor.subarray(signed ? 4 : 0);
  const agrees =
    (!signed || descriptor.readUInt32LE(0) === 0x08074b50) &&
    values.readUInt32LE(0) === record.crc32 &&
    values.readUInt32LE(4) === record.compressedBytes &&
    values.readUInt32LE(8) === record.bytes;
  if (!agrees) throw badArchive(`says different things about ${quoted(record.name)} in two places`);
  return next;
}
