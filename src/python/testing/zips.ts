import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';

/** Fields of a zip header that a test may falsify. */
interface HeaderLies {
  readonly name?: string | Buffer;
  readonly flags?: number;
  readonly method?: number;
  readonly crc32?: number;
  readonly compressedBytes?: number;
  readonly bytes?: number;
  readonly offset?: number;
  readonly extra?: Buffer;
}

export interface ZipFile {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Upper half of the external attributes; a regular file of 0644 unless given. */
  readonly mode?: number;
  readonly stored?: boolean;
  /** Sizes and checksum stand behind the content; lies in it. */
  readonly descriptor?: HeaderLies & { readonly signature?: boolean };
  readonly local?: HeaderLies;
  readonly central?: HeaderLies;
  /** Bytes after the content that belong to the compressed data, and bytes that belong to nothing. */
  readonly tail?: Buffer;
  readonly gap?: Buffer;
}

export interface ZipLies {
  readonly prefix?: Buffer;
  readonly comment?: string;
  readonly suffix?: Buffer;
  readonly count?: number;
  readonly beforeEnd?: Buffer;
  readonly disk?: number;
  /** Names of files that share the first file's local header. */
  readonly shared?: readonly string[];
}

/** Writes a zip archive with whatever lies a test wants; without lies it is a sound one. */
export function buildZip(files: readonly ZipFile[], lies: ZipLies = {}): Buffer {
  const parts: Buffer[] = [lies.prefix ?? Buffer.alloc(0)];
  const list: Buffer[] = [];
  let position = parts[0]?.length ?? 0;
  for (const file of files) {
    const content = Buffer.from(file.content ?? '');
    const packed = Buffer.concat([file.stored ? content : deflateRawSync(content), file.tail ?? Buffer.alloc(0)]);
    const name = Buffer.from(file.name as string);
    const truth = {
      name,
      flags: (name.some((byte) => byte > 127) ? 0x800 : 0) | (file.descriptor === undefined ? 0 : 8),
      method: file.stored ? 0 : 8,
      crc32: crc32(content),
      compressedBytes: packed.length,
      bytes: content.length,
      offset: position,
      extra: Buffer.alloc(0),
    };
    const later = file.descriptor === undefined ? {} : { crc32: 0, compressedBytes: 0, bytes: 0 };
    const whole = [localHeader({ ...truth, ...later, ...file.local }), packed];
    if (file.descriptor !== undefined) whole.push(descriptor({ ...truth, ...file.descriptor }));
    whole.push(file.gap ?? Buffer.alloc(0));
    for (const shared of position === (lies.prefix?.length ?? 0) ? (lies.shared ?? []) : []) {
      list.push(centralHeader({ ...truth, name: shared }, 0o100644));
    }
    list.push(centralHeader({ ...truth, ...file.central }, file.mode ?? 0o100644));
    parts.push(...whole);
    position += whole.reduce((sum, part) => sum + part.length, 0);
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(lies.disk ?? 0, 4);
  end.writeUInt16LE(lies.count ?? list.length, 8);
  end.writeUInt16LE(lies.count ?? list.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(position, 16);
  end.writeUInt16LE(Buffer.byteLength(lies.comment ?? ''), 20);
  const tail = [
    lies.beforeEnd ?? Buffer.alloc(0),
    end,
    Buffer.from(lies.comment ?? ''),
    lies.suffix ?? Buffer.alloc(0),
  ];
  return Buffer.concat([...parts, directory, ...tail]);
}

/** A sound wheel: adds WHEEL, METADATA and RECORD to the files unless they are given. */
export function buildWheel(name: string, version: string, files: readonly ZipFile[], requires: readonly string[] = []) {
  const info = `${name}-${version}.dist-info`;
  const requirements = requires.map((text) => `Requires-Dist: ${text}\n`).join('');
  const metadata = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n${requirements}`;
  const bookkeeping: ZipFile[] = [
    { name: `${info}/METADATA`, content: metadata },
    { name: `${info}/WHEEL`, content: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n' },
  ].filter((file) => !files.some((given) => given.name === file.name));
  const all = [...files, ...bookkeeping];
  const record: ZipFile = { name: `${info}/RECORD`, content: recordOf(all, `${info}/RECORD`) };
  return buildZip(files.some((file) => file.name === record.name) ? all : [...all, record]);
}

function recordOf(files: readonly ZipFile[], self: string): string {
  const lines = files.map(({ name, content }) => {
    const bytes = Buffer.from(content ?? '');
    return `${name.toString()},sha256=${createHash('sha256').update(bytes).digest('base64url')},${bytes.length}\n`;
  });
  return `${lines.join('')}${self},,\n`;
}

type Header = Required<HeaderLies>;

function localHeader(header: Header): Buffer {
  const name = Buffer.from(header.name as string);
  const fixed = Buffer.alloc(30);
  fixed.writeUInt32LE(0x04034b50, 0);
  fixed.writeUInt16LE(20, 4);
  fixed.writeUInt16LE(header.flags, 6);
  fixed.writeUInt16LE(header.method, 8);
  sizes(fixed, 14, header);
  fixed.writeUInt16LE(name.length, 26);
  fixed.writeUInt16LE(header.extra.length, 28);
  return Buffer.concat([fixed, name, header.extra]);
}

function centralHeader(header: Header, mode: number): Buffer {
  const name = Buffer.from(header.name as string);
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE((3 << 8) | 20, 4);
  fixed.writeUInt16LE(header.flags, 8);
  fixed.writeUInt16LE(header.method, 10);
  sizes(fixed, 16, header);
  fixed.writeUInt16LE(name.length, 28);
  fixed.writeUInt16LE(header.extra.length, 30);
  fixed.writeUInt32LE((mode << 16) >>> 0, 38);
  fixed.writeUInt32LE(header.offset, 42);
  return Buffer.concat([fixed, name, header.extra]);
}

function descriptor(header: Header & { readonly signature?: boolean }): Buffer {
  const fixed = Buffer.alloc(16);
  fixed.writeUInt32LE(0x08074b50, 0);
  sizes(fixed, 4, header);
  return header.signature === false ? fixed.subarray(4) : fixed;
}

function sizes(target: Buffer, at: number, header: Header): void {
  target.writeUInt32LE(header.crc32, at);
  target.writeUInt32LE(header.compressedBytes, at + 4);
  target.writeUInt32LE(header.bytes, at + 8);
}
