import { RennetError } from '../model/errors.ts';

/** One member of an archive as it stands there; nothing is judged yet, names are data. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'folder' | 'symlink' | 'hardlink' | 'special';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  readonly mtime: number;
  /** Of links; empty otherwise. */
  readonly target: string;
}

export interface TarLimits {
  readonly entries: number;
  /** Of all contents together. */
  readonly bytes: number;
}

const BLOCK = 512;
const MAX_NAME = 4096;
const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'special',
  '4': 'special',
  '5': 'folder',
  '6': 'special',
};

/**
 * Reads a ustar or GNU archive as dpkg does, strictly: checksums, octal numbers, UTF-8 names, zero blocks at the end and nothing behind
 * them. `want` tells which contents (up to 1 MiB) are given with the entry. pax and sparse members are refused: dpkg has no pax.
 * Errors: `bad-archive`; `too-large` above a limit.
 */
export async function* readTar(
  source: AsyncIterable<Buffer>,
  limits: TarLimits,
  want: (entry: TarEntry) => boolean = () => false,
): AsyncGenerator<{ entry: TarEntry; content?: Buffer }> {
  const reader = blockReader(source);
  const long = { name: '', target: '' };
  let entries = 0;
  let total = 0;
  for (;;) {
    const head = await reader.take(BLOCK);
    if (head.every((byte) => byte === 0)) break;
    const type = String.fromCharCode(head[156] ?? 0);
    const bytes = checkedNumber(head, 124, 12);
    checkSum(head);
    if (type === 'L' || type === 'K') {
      if (bytes > MAX_NAME) throw bad('a name is too long');
      const value = text((await reader.take(bytes)).subarray(0, -1));
      await reader.skip(paddingOf(bytes));
      if (type === 'L') long.name = value;
      else long.target = value;
      continue;
    }
    const entry = entryOf(head, type, bytes, long);
    long.name = long.target = '';
    entries += 1;
    total += entry.type === 'file' ? bytes : 0;
    if (entry.type !== 'file' && bytes !== 0) throw bad(`${entry.type} with content`);
    if (entries > limits.entries || total > limits.bytes)
      throw new RennetError('too-large', 'The archive holds too much.');
    const content = bytes <= 1024 * 1024 && want(entry) ? await reader.take(bytes) : undefined;
    if (!content) await reader.skip(bytes);
    await reader.skip(paddingOf(bytes));
    yield content ? { entry, content } : { entry };
  }
  await reader.expectZeros();
}

function entryOf(head: Buffer, typeFlag: string, bytes: number, long: { name: string; target: string }): TarEntry {
  const type = TYPES[typeFlag];
  if (!type) throw bad(`a member of type ${JSON.stringify(typeFlag)}`);
  const magic = head.toString('latin1', 257, 265);
  const isUstar = magic === 'ustar\x0000';
  if (!isUstar && magic !== 'ustar  \0') throw bad('an unknown header format');
  const prefix = isUstar ? text(cString(head, 345, 155)) : '';
  const name = text(cString(head, 0, 100));
  return {
    name: long.name || (prefix === '' ? name : `${prefix}/${name}`),
    type,
    mode: checkedNumber(head, 100, 8),
    uid: checkedNumber(head, 108, 8),
    gid: checkedNumber(head, 116, 8),
    bytes,
    mtime: checkedNumber(head, 136, 12),
    target: type === 'symlink' || type === 'hardlink' ? long.target || text(cString(head, 157, 100)) : '',
  };
}

function checkSum(head: Buffer): void {
  let sum = 8 * 32;
  for (let index = 0; index < BLOCK; index++) if (index < 148 || index >= 156) sum += head[index] ?? 0;
  if (checkedNumber(head, 148, 8) !== sum) throw bad('a header checksum is wrong');
}

function checkedNumber(head: Buffer, offset: number, width: number): number {
  const match = /^ *([0-7]+)[\0 ]*$/.exec(head.toString('latin1', offset, offset + width));
  if (!match?.[1]) throw bad('a number is not octal');
  return Number.parseInt(match[1], 8);
}

function cString(head: Buffer, offset: number, width: number): Buffer {
  const field = head.subarray(offset, offset + width);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function text(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw bad('a name is not UTF-8', error);
  }
}

function paddingOf(bytes: number): number {
  return (BLOCK - (bytes % BLOCK)) % BLOCK;
}

function blockReader(source: AsyncIterable<Buffer>) {
  const iterator = source[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await iterator.next();
    if (next.done) return false;
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
    return true;
  };
  return {
    async take(bytes: number): Promise<Buffer> {
      while (rest.length < bytes) if (!(await more())) throw bad('it is cut off');
      const taken = rest.subarray(0, bytes);
      rest = rest.subarray(bytes);
      return taken;
    },
    async skip(bytes: number): Promise<void> {
      let left = bytes;
      while (left > rest.length) {
        left -= rest.length;
        rest = Buffer.alloc(0);
        if (!(await more())) throw bad('it is cut off');
      }
      rest = rest.subarray(left);
    },
    async expectZeros(): Promise<void> {
      do {
        if (rest.some((byte) => byte !== 0)) throw bad('something follows the end of the archive');
        rest = Buffer.alloc(0);
      } while (await more());
    },
  };
}

function bad(why: string, cause?: unknown): RennetError {
  return new RennetError('bad-archive', `The archive is malformed: ${why}.`, '', { cause });
}
