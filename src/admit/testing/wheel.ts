import { writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** One member of a made-up wheel. */
export interface Member {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Unix mode with file type; a plain file by default. */
  readonly mode?: number;
  /** Says that the content is deflated and unpacks to so many bytes. */
  readonly claimedBytes?: number;
}

const PLAIN_FILE = 0o100644;

/** Writes a zip of stored members exactly as asked, however hostile. */
export async function writeZip(path: string, members: readonly Member[]): Promise<void> {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = PLAIN_FILE, claimedBytes } of members) {
    const bytes = Buffer.from(content as Uint8Array);
    const raw = Buffer.from(name);
    // UTF-8 names, stored, 1980-01-01; the tail is the same in the local header and the directory.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(claimedBytes === undefined ? 0 : 8, 4);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(claimedBytes ?? bytes.length, 18);
    common.writeUInt16LE(raw.length, 22);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((mode << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, attributes, raw);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, raw, bytes]);
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  await writeFile(path, Buffer.concat([...parts, list, end]));
}

/** The members that every wheel has, with metadata for `curd 1.0` unless told otherwise. */
export function distInfo(
  options: { name?: string; version?: string; metadata?: string; wheel?: string; entryPoints?: string } = {},
): Member[] {
  const { name = 'curd', version = '1.0' } = options;
  const folder = `${name}-${version}.dist-info`;
  const metadata =
    options.metadata ?? `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nSummary: A curdnstration\n`;
  return [
    { name: `${folder}/METADATA`, content: metadata },
    { name: `${folder}/WHEEL`, content: options.wheel ?? 'Wheel-Version: 1.0\nTag: py3-none-any\n' },
    { name: `${folder}/RECORD`, content: '' },
    ...(options.entryPoints === undefined
      ? []
      : [{ name: `${folder}/entry_points.txt`, content: options.entryPoints }]),
  ];
}
