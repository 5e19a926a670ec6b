import { quoted } from '../model/text.ts';
import { RennetError } from '../model/errors.ts';
import type { ZipCaps } from './zip.ts';

/** One record of the central directory that passed every check a single record can be put to. */
export interface CentralRecord {
  readonly name: string;
  readonly rawName: Buffer;
  readonly directory: boolean;
  /** Permission bits, 0 where the archive has none. */
  readonly mode: number;
  readonly flags: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Of the local header. */
  readonly offset: number;
}

export const FLAG_DESCRIPTOR = 0x0008;
const FLAG_UTF8 = 0x0800;
/** Compression level bits, descriptor, UTF-8. All others are encryption, patches, masked headers. */
const FLAGS_ALLOWED = 0x0006 | FLAG_DESCRIPTOR | FLAG_UTF8;

/** Extra fields that give an entry a second size, offset or name. */
const REFUSED_EXTRAS = new Map([
  [0x0001, 'zip64 sizes, which nothing below 4 GiB needs'],
  [0x7075, 'a second name'],
]);

/** Parses the central directory (APPNOTE.TXT 4.3.12). Throws `bad-archive`. */
export function readCentralRecords(directory: Buffer, count: number, caps: ZipCaps): CentralRecord[] {
  const records: CentralRecord[] = [];
  let position = 0;
  while (records.length < count) {
    if (position + 46 > directory.length || directory.readUInt32LE(position) !== 0x02014b50) {
      throw badArchive('has a broken list of files');
    }
    const nameEnd = position + 46 + directory.readUInt16LE(position + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(position + 30);
    const end = extraEnd + directory.readUInt16LE(position + 32);
    if (end > directory.length) throw badArchive('has a broken list of files');
    const rawName = directory.subarray(position + 46, nameEnd);
    records.push(readRecord(directory.subarray(position, end), rawName, directory.subarray(nameEnd, extraEnd), caps));
    position = end;
  }
  if (position !== directory.length) throw badArchive('has bytes after its list of files');
  return records;
}

function readRecord(record: Buffer, rawName: Buffer, extra: Buffer, caps: ZipCaps): CentralRecord {
  const flags = record.readUInt16LE(8);
  const name = readName(rawName, flags, caps);
  const shown = quoted(name);
  const method = record.readUInt16LE(10);
  const compressedBytes = record.readUInt32LE(20);
  const bytes = record.readUInt32LE(24);
  const offset = record.readUInt32LE(42);
  const external = record.readUInt32LE(38);
  const directory = name.endsWith('/');
  if ((flags & ~FLAGS_ALLOWED) !== 0) throw badArchive(`has the entry ${shown}, which is encrypted or patched`);
  if (method !== 0 && method !== 8) throw badArchive(`has the entry ${shown} with the unknown compression ${method}`);
  if (method === 0 && bytes !== compressedBytes) throw badArchive(`has the entry ${shown} with two sizes`);
  if (record.readUInt16LE(34) !== 0) throw badArchive('is spread over several disks');
  if ([compressedBytes, bytes, offset].includes(0xffffffff)) throw badArchive(`has zip64 sizes for ${shown}`);
  if (directory && bytes !== 0) throw badArchive(`has the directory ${shown} with content`);
  if (bytes > caps.entryBytes)
    throw badArchive(`has the entry ${shown} of ${bytes} bytes, ${caps.entryBytes} are allowed`);
  checkExtras(extra, shown);
  const mode = readMode(external, directory, shown);
  const crc32 = record.readUInt32LE(16);
  return { name, rawName, directory, mode, flags, method, crc32, compressedBytes, bytes, offset };
}

/** pip looks at the Unix mode whatever system the archive says it was made on, so all of it is checked always. */
function readMode(external: number, directory: boolean, shown: string): number {
  const type = (external >>> 16) & 0o170000;
  if (type !== 0 && type !== (directory ? 0o040000 : 0o100000)) {
    throw badArchive(`has the entry ${shown}, which is ${type === 0o120000 ? 'a symbolic link' : 'no regular file'}`);
  }
  if ((external & 0x10) !== 0 && !directory) throw badArchive(`has the entry ${shown} both as file and directory`);
  return (external >>> 16) & 0o7777;
}

function checkExtras(extra: Buffer, shown: string): void {
  for (let position = 0; position < extra.length; ) {
    if (position + 4 > extra.length) throw badArchive(`has a broken extra field at ${shown}`);
    const reason = REFUSED_EXTRAS.get(extra.readUInt16LE(position));
    if (reason !== undefined) throw badArchive(`gives ${shown} ${reason}`);
    position += 4 + extra.readUInt16LE(position + 2);
    if (position > extra.length) throw badArchive(`has a broken extra field at ${shown}`);
  }
}

/** A relative path of plain parts in UTF-8, with a slash at the end of directories. */
function readName(raw: Buffer, flags: number, caps: ZipCaps): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw badArchive(`has a name that is not UTF-8: ${quoted(raw.toString('latin1'))}`);
  }
  const shown = quoted(name);
  const ascii = raw.every((byte) => byte < 0x80);
  if (!ascii && (flags & FLAG_UTF8) === 0) throw badArchive(`does not say in which encoding the name ${shown} is`);
  const parts = name.replace(/\/$/, '').split('/');
  if (raw.length > caps.nameBytes || parts.some((part) => Buffer.byteLength(part) > 255)) {
    throw badArchive(`has a name that is too long: ${shown}`);
  }
  if (parts.length > caps.depth) throw badArchive(`has more than ${caps.depth} levels of directories at ${shown}`);
  if (parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\p{Cc}]/u.test(name)) {
    throw badArchive(`has the unsafe name ${shown}`);
  }
  return name;
}

/** One sentence that begins with the archive. */
export function badArchive(what: string, cause?: unknown): RennetError {
  return new RennetError('bad-archive', `The archive ${what}.`, '', { cause });
}
