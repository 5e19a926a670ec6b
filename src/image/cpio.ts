/** One member of an initrd. */
export interface CpioMember {
  /** Path without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Device numbers of a character or block device. */
  readonly device?: readonly [major: number, minor: number];
}

const DIRECTORY = 0o040000;
const FILE = 0o100000;
const CHARACTER_DEVICE = 0o020000;
const SYMBOLIC_LINK = 0o120000;

export const directory = (path: string): CpioMember => ({ path, mode: DIRECTORY | 0o755 });
export const file = (path: string, content: Uint8Array, mode = 0o644): CpioMember => ({
  path,
  mode: FILE | mode,
  content,
});
export const symbolicLink = (path: string, to: string): CpioMember => ({
  path,
  mode: SYMBOLIC_LINK | 0o777,
  content: Buffer.from(to),
});
export const characterDevice = (path: string, major: number, minor: number): CpioMember => ({
  path,
  mode: CHARACTER_DEVICE | 0o600,
  device: [major, minor],
});

/**
 * Writes a cpio archive in the kernel's "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst).
 * Everything belongs to root and has time 0, so the same members give the same bytes.
 */
export function writeCpio(members: readonly CpioMember[]): Buffer {
  const parts: Buffer[] = [];
  members.forEach((member, index) => parts.push(...writeMember(member, index + 1)));
  parts.push(...writeMember({ path: 'TRAILER!!!', mode: 0 }, 0));
  return Buffer.concat(parts);
}

function writeMember(member: CpioMember, inode: number): Buffer[] {
  const content = member.content ?? new Uint8Array();
  const name = Buffer.from(`${member.path}\0`);
  const [major, minor] = member.device ?? [0, 0];
  const fields = [inode, member.mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [padded(Buffer.concat([header, name])), padded(Buffer.from(content))];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
