import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { RennetError } from '../model/errors.ts';

/** Reads bytes `start` to `end` (exclusive) of the far file. */
export type ReadRange = (start: number, end: number) => Promise<Buffer>;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

const END_BYTES = 22;
/** Numbers of the zip format (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16). */
const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50];
const MAX_DIRECTORY = 16 * 2 ** 20;
const inflate = promisify(inflateRaw);

/**
 * Reads one member of a zip by its directory: the tail (`tail` holds the last bytes of the file), the directory where
 * the tail does not hold it, the member. `choose` picks by name; gives undefined where it picks none. Names are only
 * compared, never used as paths. RennetError `bad-archive` for everything that is not a plain zip (zip64, encryption,
 * other methods than stored and deflate).
 */
export async function readZipMember(
  total: number,
  tail: Buffer,
  read: ReadRange,
  choose: (name: string) => boolean,
  cap: number,
): Promise<Buffer | undefined> {
  const entries = await readDirectory(total, tail, read);
  const chosen = entries.filter((entry) => choose(entry.name));
  const [entry] = chosen;
  if (entry === undefined) return undefined;
  if (chosen.length > 1) throw badZip(`it has ${chosen.length} members where one was expected`);
  if (entry.flags % 2 === 1) throw badZip(`${entry.name} is encrypted`);
  if (entry.size > cap || entry.packed > cap)
    throw new RennetError('too-large', `A member of the wheel is larger than ${cap} bytes.`);
  // The local header may have more extra bytes than the directory says: up to the next member, bounded.
  const next = Math.min(total, ...entries.map(({ offset }) => offset).filter((offset) => offset > entry.offset));
  const bytes = await read(entry.offset, Math.min(next, entry.offset + 30 + 2 * 0xffff + entry.packed));
  return unpack(entry, bytes, cap);
}

async function unpack(entry: Entry, bytes: Buffer, cap: number): Promise<Buffer> {
  if (bytes.length < 30 || bytes.readUInt32LE(0) !== LOCAL)
    throw badZip('a member does not start where the directory says');
  const start = 30 + bytes.readUInt16LE(26) + bytes.readUInt16LE(28);
  const packed = bytes.subarray(start, start + entry.packed);
  if (packed.length !== entry.packed) throw badZip('a member overlaps another one');
  if (entry.method !== 0 && entry.method !== 8) throw badZip(`a member is packed by method ${entry.method}`);
  let content: Buffer;
  try {
    content =
      entry.method === 0
        ? Buffer.from(packed)
        : await inflate(packed, { maxOutputLength: Math.min(cap, entry.size + 1) });
  } catch (cause) {
    throw badZip('a member cannot be unpacked', cause);
  }
  if (content.length !== entry.size || crc32(content) !== entry.crc) throw badZip('a member is damaged');
  return content;
}

async function readDirectory(total: number, tail: Buffer, read: ReadRange): Promise<Entry[]> {
  const at = findEnd(tail);
  const count = tail.readUInt16LE(at + 10);
  const size = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  if (count === 0xffff || offset === 0xffffffff) throw badZip('it is a zip64 archive');
  const endOffset = total - tail.length + at;
  if (size > MAX_DIRECTORY || offset + size > endOffset) throw badZip('its directory lies outside of it');
  const directory = await read(offset, offset + size);
  const entries: Entry[] = [];
  for (let place = 0; entries.length < count; ) {
    if (place + 46 > directory.length || directory.readUInt32LE(place) !== CENTRAL)
      throw badZip('its directory is damaged');
    const nameBytes = directory.readUInt16LE(place + 28);
    entries.push({
      name: directory.toString('utf8', place + 46, place + 46 + nameBytes),
      flags: directory.readUInt16LE(place + 8),
      method: directory.readUInt16LE(place + 10),
      crc: directory.readUInt32LE(place + 16),
      packed: directory.readUInt32LE(place + 20),
      size: directory.readUInt32LE(place + 24),
      offset: directory.readUInt32LE(place + 42),
    });
    place += 46 + nameBytes + directory.readUInt16LE(place + 30) + directory.readUInt16LE(place + 32);
  }
  return entries;
}

/** The end record is the last thing but a comment of at most 65,535 bytes, which must reach the end exactly. */
function findEnd(tail: Buffer): number {
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) === END && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return at;
  }
  throw badZip('it has no directory at its end');
}

function badZip(why: string, cause?: unknown): RennetError {
  return new RennetError('bad-archive', `The wheel is no readable zip archive: ${why}.`, '', { cause });
}
