/** What a made-up ELF file shall say. */
export interface ElfChoice {
  readonly machine?: number;
  readonly type?: number;
  /** Flags of PT_GNU_STACK (6: read and write); undefined leaves the header out. */
  readonly stackFlags?: number | undefined;
  readonly runpath?: string;
  readonly soname?: string;
  readonly interpreter?: string;
}

/** A 64-bit little-endian ELF file with nothing but headers, a dynamic section and its strings. */
export function elfFile(choice: ElfChoice = {}): Buffer {
  const { machine = 62, type = 3, runpath, soname, interpreter } = choice;
  const stackFlags = 'stackFlags' in choice ? choice.stackFlags : 6;
  const strings = Buffer.from(`\0${soname ?? ''}\0${runpath ?? ''}\0`);
  const loader = Buffer.from(`${interpreter ?? ''}\0`);
  const count = 2 + (stackFlags === undefined ? 0 : 1) + (interpreter === undefined ? 0 : 1);
  const dynamicAt = 64 + 56 * count;
  const entries: [number, number][] = [];
  if (soname !== undefined) entries.push([14, 1]);
  if (runpath !== undefined) entries.push([29, 2 + (soname ?? '').length]);
  const stringsAt = dynamicAt + 16 * (entries.length + 2);
  entries.push([5, stringsAt], [0, 0]);
  const loaderAt = stringsAt + strings.length;
  const size = loaderAt + loader.length;

  const header = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(count, 56);
  const segments = [segment(1, 5, 0, size), segment(2, 6, dynamicAt, 16 * entries.length)];
  if (stackFlags !== undefined) segments.push(segment(0x6474e551, stackFlags, 0, 0));
  if (interpreter !== undefined) segments.push(segment(3, 4, loaderAt, loader.length));
  const dynamic = entries.map(([tag, value]) => {
    const entry = Buffer.alloc(16);
    entry.writeBigUInt64LE(BigInt(tag), 0);
    entry.writeBigUInt64LE(BigInt(value), 8);
    return entry;
  });
  return Buffer.concat([header, ...segments, ...dynamic, strings, loader]);
}

function segment(type: number, flags: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  for (const [at, value] of [
    [8, offset],
    [16, offset],
    [24, offset],
    [32, size],
    [40, size],
  ] as const)
    header.writeBigUInt64LE(BigInt(value), at);
  return header;
}
