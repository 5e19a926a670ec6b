import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { RennetError } from '../model/errors.ts';

/**
 * Which package ships which path, 8 bytes a path: 47 bits of the path's hash, 17 bits of the package's number, sorted. Some
 * 4 million paths of a suite lie in 30 MB and are searched in the file, so that reading them costs no memory. A path that is
 * in no package is taken for one with a chance of 1 to 30 million.
 */
export interface PathTable {
  add(bytes: Buffer, start: number, end: number, packageNumber: number): void;
  /** The sorted table as it stands in its file. */
  bytes(): Buffer;
}

const ENTRY_BYTES = 8;
const PACKAGE_BITS = 17;
const PACKAGE_LIMIT = 2 ** PACKAGE_BITS;
const STEP_BYTES = 8 * 1024 * 1024;

export function createPathTable(): PathTable {
  // Grows in place: doubling would copy 60 MB.
  const store = new ArrayBuffer(0, { maxByteLength: 512 * 1024 * 1024 });
  const words = new Uint32Array(store);
  let count = 0;
  return {
    add(bytes, start, end, packageNumber) {
      if (packageNumber >= PACKAGE_LIMIT)
        throw new RennetError('defect', 'A suite has more packages than the path table can number.');
      if ((count + 1) * ENTRY_BYTES > store.byteLength) store.resize(store.byteLength + STEP_BYTES);
      const { high, low } = hashPath(bytes, start, end);
      // Little-endian: the low word first, so that the pair sorts as one 64-bit number.
      words[count * 2] = ((low << PACKAGE_BITS) | packageNumber) >>> 0;
      words[count * 2 + 1] = high;
      count += 1;
    },
    bytes() {
      new BigUint64Array(store, 0, count).sort();
      return Buffer.from(store, 0, count * ENTRY_BYTES);
    },
  };
}

/** Numbers of the packages that ship a path, smallest first. Opens and closes the file. */
export function findInPathTable(file: string, path: string): number[] {
  const bytes = Buffer.from(path, 'utf8');
  const { high, low } = hashPath(bytes, 0, bytes.length);
  const wanted = (BigInt(high) << 15n) | BigInt(low);
  const handle = openSync(file, 'r');
  try {
    const count = Math.floor(fstatSync(handle).size / ENTRY_BYTES);
    const entry = Buffer.alloc(ENTRY_BYTES);
    const entryAt = (index: number): bigint => {
      readSync(handle, entry, 0, ENTRY_BYTES, index * ENTRY_BYTES);
      return entry.readBigUInt64LE();
    };
    let from = 0;
    let to = count;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (entryAt(middle) >> BigInt(PACKAGE_BITS) < wanted) from = middle + 1;
      else to = middle;
    }
    const found: number[] = [];
    for (let index = from; index < count; index += 1) {
      const value = entryAt(index);
      if (value >> BigInt(PACKAGE_BITS) !== wanted) break;
      found.push(Number(value & BigInt(PACKAGE_LIMIT - 1)));
    }
    return found;
  } finally {
    closeSync(handle);
  }
}

/** Two FNV-1a lanes with different seeds, mixed at the end (MurmurHash3's finaliser): 32 and 15 bits. */
function hashPath(bytes: Buffer, start: number, end: number): { high: number; low: number } {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) + 1;
  }
  return { high: mix(a ^ (b >>> 7)), low: mix(b) & 0x7fff };
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
