/** Reads `length` bytes at `offset`; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** What the rules need of an ELF file (System V ABI, chapters 4 and 5). */
export interface ElfFacts {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_machine, e.g. 62 for x86-64. */
  readonly machine: number;
  /** e_type: 1 relocatable, 2 executable, 3 shared object, 4 core. */
  readonly type: number;
  /** Missing PT_GNU_STACK means an executable stack on x86 (elf(5)), so it counts as one. */
  readonly executableStack: boolean;
  readonly interpreter?: string;
  readonly soname?: string;
  readonly needed: string[];
  /** DT_RPATH and DT_RUNPATH, split at colons. */
  readonly searchPath: string[];
}

const MAX_PROGRAM_HEADERS = 128;
const MAX_DYNAMIC_ENTRIES = 10_000;
const MAX_STRING = 4096;

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_GNU_STACK = 0x6474e551;
const PF_X = 1;
const [DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH] = [1, 5, 14, 15, 29];

interface Segment {
  type: number;
  flags: number;
  offset: number;
  address: number;
  size: number;
}

interface Layout {
  bits: 32 | 64;
  littleEndian: boolean;
}

export function looksLikeElf(start: Uint8Array): boolean {
  return start.length >= 4 && start[0] === 0x7f && start[1] === 0x45 && start[2] === 0x4c && start[3] === 0x46;
}

/**
 * Reads the headers of an ELF file by program headers alone, as the loader does: section headers are for linkers
 * and may lie. Returns a sentence part instead where the file is not well formed.
 */
export function readElf(readAt: ReadAt): ElfFacts | { malformed: string } {
  const ident = readAt(0, 64);
  if (!looksLikeElf(ident) || ident.length < 52) return { malformed: 'its header is cut short' };
  const layout = layoutOf(ident);
  if (!layout || ident[6] !== 1) return { malformed: 'its class, byte order or version is unknown' };
  if (layout.bits === 64 && ident.length < 64) return { malformed: 'its header is cut short' };
  const number = numberReader(ident, layout);
  const type = number.half(16);
  const machine = number.half(18);
  const base = { ...layout, type, machine };
  // Relocatable objects have no program headers; only their type matters.
  if (type === 1) return { ...base, executableStack: false, needed: [], searchPath: [] };
  const segments = readSegments(readAt, number, layout);
  if (typeof segments === 'string') return { malformed: segments };
  const stack = segments.find((segment) => segment.type === PT_GNU_STACK);
  const interpreter = segments.find((segment) => segment.type === PT_INTERP);
  const dynamic = readDynamic(readAt, segments, layout);
  if (typeof dynamic === 'string') return { malformed: dynamic };
  return {
    ...base,
    executableStack: !stack || (stack.flags & PF_X) !== 0,
    ...(interpreter ? { interpreter: textOf(readAt(interpreter.offset, Math.min(interpreter.size, MAX_STRING))) } : {}),
    ...dynamic,
  };
}

function layoutOf(ident: Buffer): Layout | undefined {
  const bits = ident[4] === 1 ? 32 : ident[4] === 2 ? 64 : undefined;
  const littleEndian = ident[5] === 1 ? true : ident[5] === 2 ? false : undefined;
  return bits === undefined || littleEndian === undefined ? undefined : { bits, littleEndian };
}

/** Numbers of the file's own width and byte order. An address beyond 2^53 cannot be a place in a file of 4 GiB. */
function numberReader(buffer: Buffer, { bits, littleEndian }: Layout) {
  const half = (at: number) => (littleEndian ? buffer.readUInt16LE(at) : buffer.readUInt16BE(at));
  const word = (at: number) => (littleEndian ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at));
  const long = (at: number) => Number(littleEndian ? buffer.readBigUInt64LE(at) : buffer.readBigUInt64BE(at));
  return { half, word, native: bits === 64 ? long : word };
}

function readSegments(readAt: ReadAt, header: ReturnType<typeof numberReader>, layout: Layout): Segment[] | string {
  const wide = layout.bits === 64;
  const offset = header.native(wide ? 32 : 28);
  const size = header.half(wide ? 54 : 42);
  const count = header.half(wide ? 56 : 44);
  if (count === 0 || count > MAX_PROGRAM_HEADERS) return `it has ${count} program headers`;
  if (size !== (wide ? 56 : 32) || !Number.isSafeInteger(offset)) return 'its program headers are out of shape';
  const table = readAt(offset, size * count);
  if (table.length !== size * count) return 'its program headers lie outside of the file';
  const number = numberReader(table, layout);
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: number.word(at),
      flags: number.word(at + (wide ? 4 : 24)),
      offset: number.native(at + (wide ? 8 : 4)),
      address: number.native(at + (wide ? 16 : 8)),
      size: number.native(at + (wide ? 32 : 16)),
    };
  });
}

function readDynamic(
  readAt: ReadAt,
  segments: readonly Segment[],
  layout: Layout,
): { soname?: string; needed: string[]; searchPath: string[] } | string {
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (!dynamic) return { needed: [], searchPath: [] };
  const place = fileOffset(segments, dynamic.address);
  if (place === undefined) return 'its dynamic section is not loaded from the file';
  const width = layout.bits === 64 ? 16 : 8;
  const count = Math.floor(dynamic.size / width);
  if (count > MAX_DYNAMIC_ENTRIES) return 'its dynamic section is out of shape';
  const table = readAt(place, count * width);
  if (table.length !== count * width) return 'its dynamic section lies outside of the file';
  const number = numberReader(table, layout);
  const all = Array.from({ length: count }, (_, index) => ({
    tag: number.native(index * width),
    value: number.native(index * width + width / 2),
  }));
  const end = all.findIndex((entry) => entry.tag === 0);
  const entries = end === -1 ? all : all.slice(0, end);
  const strings = entries.find((entry) => entry.tag === DT_STRTAB)?.value;
  const valuesOf = (wanted: number | undefined) =>
    entries.filter(({ tag }) => tag === wanted).map(({ value }) => value);
  const offsets = {
    needed: valuesOf(DT_NEEDED),
    soname: valuesOf(DT_SONAME),
    path: [...valuesOf(DT_RPATH), ...valuesOf(DT_RUNPATH)],
  };
  if (offsets.needed.length + offsets.soname.length + offsets.path.length === 0) return { needed: [], searchPath: [] };
  const start = strings === undefined ? undefined : fileOffset(segments, strings);
  if (start === undefined) return 'its string table is not loaded from the file';
  const textAt = (offset: number) => textOf(readAt(start + offset, MAX_STRING));
  const soname = offsets.soname[0];
  return {
    ...(soname === undefined ? {} : { soname: textAt(soname) }),
    needed: offsets.needed.map(textAt),
    searchPath: offsets.path.flatMap((offset) => textAt(offset).split(':')),
  };
}

/** Where an address of the loaded image stands in the file; the loader goes by addresses, never by p_offset of PT_DYNAMIC. */
function fileOffset(segments: readonly Segment[], wanted: number): number | undefined {
  const load = segments.findLast(
    ({ type, address, size }) => type === PT_LOAD && wanted >= address && wanted < address + size,
  );
  const offset = load && load.offset + (wanted - load.address);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString('latin1');
}
