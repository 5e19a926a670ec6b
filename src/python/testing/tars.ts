import { gzipSync } from 'node:zlib';

export interface TarFile {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Type flag: `0` file, `1` hard link, `2` symbolic link, `3` device, `5` directory, `6` pipe, `S` GNU sparse. */
  readonly type?: string;
  readonly target?: string;
  /** Records of a pax header before this entry; `globalPax` of a global one. */
  readonly pax?: Readonly<Record<string, string>>;
  readonly globalPax?: Readonly<Record<string, string>>;
  /** What the header says, whatever the content is. */
  readonly size?: number;
  /** Six bytes, `ustar\0` unless given. */
  readonly magic?: string;
}

/** Writes a .tar.gz with whatever lies a test wants. */
export function buildTarGz(files: readonly TarFile[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return gzipSync(Buffer.concat([...files.flatMap(blocks), end]));
}

/** A sound sdist: files below `name-version/`, without directory entries. */
export function buildSdist(top: string, files: Readonly<Record<string, string>>): Buffer {
  return buildTarGz(Object.entries(files).map(([name, content]) => ({ name: `${top}/${name}`, content })));
}

function blocks(file: TarFile): Buffer[] {
  const content = Buffer.from(file.content ?? '');
  return [
    ...(file.globalPax === undefined ? [] : extended('g', file.globalPax)),
    ...(file.pax === undefined ? [] : extended('x', file.pax)),
    header(file, file.size ?? content.length),
    padded(content),
  ];
}

function extended(type: string, records: Readonly<Record<string, string>>): Buffer[] {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest);
    length += String(length + String(length).length).length;
    return `${length}${rest}`;
  });
  const content = Buffer.from(lines.join(''));
  return [header({ name: 'PaxHeader', type }, content.length), padded(content)];
}

function header(file: TarFile, size: number): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(file.name as string).copy(block, 0, 0, 100);
  block.write('0000644\0', 100);
  block.write('0000000\0'.repeat(2), 108);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(file.type ?? '0', 156);
  block.write(file.target ?? '', 157, 100);
  block.write(file.magic ?? 'ustar\0', 257);
  block.write(file.magic === undefined ? '00' : '', 263);
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  block.write(`${checksum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
