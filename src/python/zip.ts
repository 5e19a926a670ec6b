import { quoted } from '../model/text.ts';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { RennetError } from '../model/errors.ts';
import type { CentralRecord } from './zip-entry.ts';
import { badArchive, readCentralRecords } from './zip-entry.ts';
import { locateContents, readEndRecord, readExactly } from './zip-layout.ts';

/** Bounds of an archive; what exceeds one is refused. */
export interface ZipCaps {
  readonly archiveBytes: number;
  readonly entries: number;
  /** Of one file and of all files, unpacked. */
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** Unpacked bytes for one byte of the archive, over all of it, beyond the first 16 MiB. */
  readonly ratio: number;
  /** Parts of a path. */
  readonly depth: number;
  readonly nameBytes: number;
}

/** What ADMISSION allows a wheel. */
export const ZIP_CAPS: ZipCaps = {
  archiveBytes: 0xfffffffe,
  entries: 50_000,
  entryBytes: 0xfffffffe,
  totalBytes: 4 * 1024 ** 3,
  ratio: 200,
  depth: 32,
  nameBytes: 1024,
};

export interface ZipEntry {
  /** Relative, of plain parts, UTF-8. */
  readonly name: string;
  readonly bytes: number;
  /** Permission bits with setuid and the like; 0 where the archive has none. Hostile. */
  readonly mode: number;
}

/** An open archive whose structure passed every check; contents are checked against size and checksum while they are read. */
export interface ZipArchive {
  /** Regular files, in the order of the archive's list. */
  readonly entries: readonly ZipEntry[];
  /** Names of directory entries, without the slash. */
  readonly directories: readonly string[];
  /** Groups of paths (directories too) that differ only by case or Unicode form; for the caller to decide about. */
  readonly twins: readonly (readonly string[])[];
  /** Whole content of a file of at most `maxBytes`. Throws `bad-archive`. */
  read(name: string, maxBytes: number): Promise<Buffer>;
  /** Streams a file into a new file of the host (never over an existing one); removes it again on failure. Throws `bad-archive`. */
  extractTo(name: string, path: string): Promise<{ bytes: number; sha256: string }>;
  close(): Promise<void>;
}

const DIRECTORY_MAX_BYTES = 64 * 1024 * 1024;
const RATIO_FREE_BYTES = 16 * 1024 * 1024;

/**
 * Opens a zip archive from a hostile source. Refused with `bad-archive`: anything but regular files and directories,
 * encryption, zip64, several disks, names that are doubled, unsafe or not UTF-8, a file that is also a directory, gaps,
 * overlaps, bytes before, between or after, a local header or descriptor that differs from the list, more than the caps.
 */
export async function openZip(path: string, caps: ZipCaps = ZIP_CAPS): Promise<ZipArchive> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > caps.archiveBytes) throw badArchive(`has ${size} bytes, ${caps.archiveBytes} are allowed`);
    const end = await readEndRecord(handle, size);
    if (end.count > caps.entries) throw badArchive(`has ${end.count} entries, ${caps.entries} are allowed`);
    if (end.directoryBytes > DIRECTORY_MAX_BYTES) throw badArchive('has a list of files that is too large');
    const directory = await readExactly(handle, end.directoryOffset, end.directoryBytes);
    const records = readCentralRecords(directory, end.count, caps);
    checkTotal(records, size, caps);
    checkNames(records);
    const places = await locateContents(handle, records, end.directoryOffset);
    return archive(handle, records, places);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function archive(
  handle: FileHandle,
  records: readonly CentralRecord[],
  places: ReadonlyMap<CentralRecord, number>,
): ZipArchive {
  const files = new Map(records.filter(({ directory }) => !directory).map((record) => [record.name, record]));
  const find = (name: string) => {
    const record = files.get(name);
    if (record === undefined) throw badArchive(`has no file ${quoted(name)}`);
    return record;
  };
  return {
    entries: [...files.values()].map(({ name, bytes, mode }) => ({ name, bytes, mode })),
    directories: records.filter(({ directory }) => directory).map(({ name }) => name.slice(0, -1)),
    twins: findTwins(records.map(({ name }) => name)),
    async read(name, maxBytes) {
      const record = find(name);
      if (record.bytes > maxBytes) {
        throw badArchive(`has the file ${quoted(name)} of ${record.bytes} bytes, ${maxBytes} are allowed`);
      }
      const chunks: Buffer[] = [];
      await stream(handle, record, places.get(record) ?? 0, async (chunk) => void chunks.push(chunk));
      return Buffer.concat(chunks);
    },
    async extractTo(name, path) {
      const record = find(name);
      const hash = createHash('sha256');
      const target = await open(path, 'wx', 0o600);
      try {
        await stream(handle, record, places.get(record) ?? 0, async (chunk) => {
          hash.update(chunk);
          await target.writeFile(chunk);
        });
      } catch (error) {
        await unlink(path);
        throw error;
      } finally {
        await target.close();
      }
      return { bytes: record.bytes, sha256: hash.digest('hex') };
    },
    close: () => handle.close(),
  };
}

/** Gives the content of one file piece by piece and checks that it is as long as it says, whole, and right. */
async function stream(
  handle: FileHandle,
  record: CentralRecord,
  start: number,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  let bytes = 0;
  let checksum = 0;
  const consume = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > record.bytes) throw badArchive(`has more in ${quoted(record.name)} than it says`);
      checksum = crc32(chunk, checksum);
      await take(chunk);
    }
  };
  const raw = readRange(handle, start, record.compressedBytes);
  if (record.method === 0) await consume(raw);
  else {
    const inflate = createInflateRaw();
    await pipeline(raw, inflate, consume).catch((cause: unknown) => {
      if (cause instanceof RennetError || !isZlibError(cause)) throw cause;
      throw badArchive(`has broken data in ${quoted(record.name)}`, cause);
    });
    // Bytes behind the end of the compressed data are seen by no unpacker.
    if (inflate.bytesWritten !== record.compressedBytes) throw badArchive(`hides bytes after ${quoted(record.name)}`);
  }
  if (bytes !== record.bytes || checksum !== record.crc32)
    throw badArchive(`has broken data in ${quoted(record.name)}`);
}

/** Not `createReadStream`: it leaves a listener on the handle for every file. */
async function* readRange(handle: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; ) {
    const chunk = await readExactly(handle, start + done, Math.min(65_536, length - done));
    done += chunk.length;
    yield chunk;
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(?:Z_|ERR_STREAM_PREMATURE_CLOSE)/.test(String(error.code));
}

function checkTotal(records: readonly CentralRecord[], archiveBytes: number, caps: ZipCaps): void {
  const total = records.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > caps.totalBytes) throw badArchive(`unpacks to ${total} bytes, ${caps.totalBytes} are allowed`);
  if (total > RATIO_FREE_BYTES && total > archiveBytes * caps.ratio) {
    throw badArchive(`unpacks to more than ${caps.ratio} times its size`);
  }
}

/** No name twice, and no file where another name needs a directory. */
function checkNames(records: readonly CentralRecord[]): void {
  const seen = new Set<string>();
  const parents = new Set(records.flatMap(({ name }) => ancestors(name.replace(/\/$/, ''))));
  for (const { name, directory } of records) {
    const plain = name.replace(/\/$/, '');
    if (seen.has(plain)) throw badArchive(`has the name ${quoted(plain)} twice`);
    if (!directory && parents.has(plain)) throw badArchive(`has ${quoted(plain)} both as file and directory`);
    seen.add(plain);
  }
}

function ancestors(name: string): string[] {
  const found: string[] = [];
  for (let slash = name.indexOf('/'); slash !== -1; slash = name.indexOf('/', slash + 1))
    found.push(name.slice(0, slash));
  return found;
}

function findTwins(names: readonly string[]): string[][] {
  const groups = new Map<string, Set<string>>();
  const paths = new Set(names.map((name) => name.replace(/\/$/, '')).flatMap((name) => [...ancestors(name), name]));
  for (const path of paths) {
    // Upper case first: it makes one of ß and ss.
    const key = path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
    groups.set(key, (groups.get(key) ?? new Set()).add(path));
  }
  return [...groups.values()].filter(({ size }) => size > 1).map((group) => [...group]);
}
