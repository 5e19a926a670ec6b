/** One member of an archive that Rennet writes; owner is root:root always. */
export interface TarHeader {
  /** `./usr/bin/x`; a folder ends with a slash. */
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link';
  readonly mode: number;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly epoch: number;
  /** Target of a symbolic link. */
  readonly target?: string;
}

const BLOCK = 512;
const TYPE_FLAGS = { file: '0', folder: '5', link: '2' } as const;

/** Two zero blocks end an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

/**
 * The header blocks of one member in GNU format: long names and link targets go into `././@LongLink` members, because
 * dpkg refuses pax headers (dpkg lib/dpkg/tarfn.c reads ustar and GNU only).
 */
export function tarHeader(header: TarHeader): Buffer {
  const name = Buffer.from(header.name);
  const target = Buffer.from(header.target ?? '');
  const blocks: Buffer[] = [];
  if (target.length > 100) blocks.push(longLink('K', target));
  if (name.length > 100) blocks.push(longLink('L', name));
  blocks.push(block(name, TYPE_FLAGS[header.type], header.mode, header.bytes, header.epoch, target));
  return Buffer.concat(blocks);
}

/** Zero bytes that fill a member's content up to the next block. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc((BLOCK - (bytes % BLOCK)) % BLOCK);
}

function longLink(type: 'K' | 'L', value: Buffer): Buffer {
  const content = Buffer.concat([value, Buffer.alloc(1)]);
  const head = block(Buffer.from('././@LongLink'), type, 0o644, content.length, 0, Buffer.alloc(0));
  return Buffer.concat([head, content, tarPadding(content.length)]);
}

function block(name: Buffer, type: string, mode: number, bytes: number, epoch: number, target: Buffer): Buffer {
  const head = Buffer.alloc(BLOCK);
  name.copy(head, 0, 0, 100);
  head.write(octal(mode, 7), 100);
  head.write(octal(0, 7), 108);
  head.write(octal(0, 7), 116);
  head.write(octal(bytes, 11), 124);
  head.write(octal(epoch, 11), 136);
  head.write('        ', 148);
  head.write(type, 156);
  target.copy(head, 157, 0, 100);
  head.write('ustar  \0', 257);
  head.write('root', 265);
  head.write('root', 297);
  let sum = 0;
  for (const byte of head) sum += byte;
  head.write(`${octal(sum, 6)}\0 `, 148);
  return head;
}

function octal(value: number, width: number): string {
  const text = value.toString(8).padStart(width, '0');
  if (text.length > width) throw new RangeError('number does not fit into a tar header');
  return text;
}
