import type { FileHandle } from 'node:fs/promises';
import { RennetError } from '../model/errors.ts';

/** First bytes of an ar archive, ar(5). */
export const AR_MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;

/** The header of one ar member as dpkg-deb writes it, deb(5): root:root, 0100644. Size in bytes, time in seconds. */
export function arHeader(name: string, bytes: number, epoch: number): Buffer {
  if (bytes > 9_999_999_999) throw new RennetError('too-large', `The member ${name} does not fit into a .deb.`);
  const fields = [
    name.padEnd(16),
    String(epoch).padEnd(12),
    '0     ',
    '0     ',
    '100644  ',
    String(bytes).padEnd(10),
    '`\n',
  ];
  return Buffer.from(fields.join(''), 'ascii');
}

/** Members are padded to even offsets with a newline. */
export function arPadding(bytes: number): string {
  return bytes % 2 === 1 ? '\n' : '';
}

export interface ArMember {
  readonly name: string;
  /** Offset of the content in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the member list of an ar file strictly: plain names, exact padding, nothing after the last member, at most 16.
 * Errors: `bad-archive`.
 */
export async function readArMembers(file: FileHandle): Promise<ArMember[]> {
  const { size } = await file.stat();
  if ((await readExactly(file, 0, AR_MAGIC.length)).toString('latin1') !== AR_MAGIC) throw bad('it is no ar archive');
  const members: ArMember[] = [];
  let offset = AR_MAGIC.length;
  while (offset < size) {
    const header = (await readExactly(file, offset, HEADER_BYTES)).toString('latin1');
    const match = /^([a-z0-9._-]+)\/? *$/.exec(header.slice(0, 16));
    const length = /^(\d+) *$/.exec(header.slice(48, 58));
    if (!match?.[1] || !length || header.slice(58) !== '`\n') throw bad('a member header is malformed');
    const bytes = Number(length[1]);
    members.push({ name: match[1], offset: offset + HEADER_BYTES, bytes });
    offset += HEADER_BYTES + bytes + (bytes % 2);
    if (members.length > 16) throw bad('it has too many members');
  }
  if (offset !== size) throw bad('its last member is cut off');
  return members;
}

/** Reads `bytes` bytes at `offset`. Errors: `bad-archive` where the file ends before. */
export async function readExactly(file: FileHandle, offset: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, offset + done);
    if (bytesRead === 0) throw bad('it is cut off');
    done += bytesRead;
  }
  return buffer;
}

function bad(why: string): RennetError {
  return new RennetError('bad-archive', `The file is no Debian package: ${why}.`);
}
