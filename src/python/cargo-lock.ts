import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import { quoted } from '../model/text.ts';

/** A crate of a registry as a Cargo.lock pins it; every part passed a strict grammar. */
export interface LockedCrate {
  readonly name: string;
  /** Semantic version, perhaps with build metadata: `0.9.34+deprecated`. */
  readonly version: string;
  /** As cargo writes it: `registry+https://…`. */
  readonly source: string;
  /** Of the `.crate` file, lower case. */
  readonly sha256: string;
}

export interface CargoLock {
  readonly crates: readonly LockedCrate[];
  /** What no registry with hashes gives, as `NAME VERSION from SOURCE`: git repositories, crates without a checksum. */
  readonly unpinned: readonly string[];
}

/** The largest real ones have half as many. */
const MAX_PACKAGES = 2000;
/** Reference, "Manifest format": names of crates are ASCII letters, digits, `-` and `_`; registries take 64 characters. */
const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/);
/** SemVer 2.0.0; cargo refuses the whole file for one that is none. */
const version = z
  .string()
  .max(100)
  .regex(
    /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/,
  )
  .refine(hasSmallNumbers, 'a number over 64 bits');
const source = z
  .string()
  .max(500)
  .regex(/^(?:registry|sparse|git)\+[a-z+]{2,12}:\/\/[\w.~:@/?#&=%+-]+$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.object({
  package: z
    .array(z.object({ name, version, source: source.optional(), checksum: sha256.optional() }))
    .max(MAX_PACKAGES)
    .default([]),
  // The first format had the checksums in a table of their own.
  metadata: z.record(z.string().max(800), z.string().max(200)).default({}),
});

/**
 * Reads a Cargo.lock of a stranger. The sdist's own crates are left out. Throws `bad-metadata` where it is no TOML or where a name, version, source or
 * checksum is none, and where it names a crate twice, as cargo does; `place` names the file in the sentence.
 */
export function readCargoLock(text: string, place: string): CargoLock {
  const result = schema.safeParse(parseToml(text, place));
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue?.path.join('.') ?? '';
    throw new RennetError('bad-metadata', `${quoted(place)} has a broken ${quoted(key)}: ${issue?.message}.`);
  }
  const crates: LockedCrate[] = [];
  const unpinned: string[] = [];
  const seen = new Set<string>();
  for (const entry of result.data.package) {
    const id = `${entry.name} ${entry.version} ${entry.source ?? ''}`;
    if (seen.has(id))
      throw new RennetError('bad-metadata', `${quoted(place)} has ${entry.name} ${entry.version} twice.`);
    seen.add(id);
    if (entry.source === undefined) continue;
    const isRegistry = !entry.source.startsWith('git+');
    const key = `checksum ${entry.name} ${entry.version} (${entry.source})`;
    const pinned = entry.checksum ?? result.data.metadata[key];
    if (!isRegistry || !sha256.safeParse(pinned).success) {
      unpinned.push(`${entry.name} ${entry.version} from ${entry.source}`);
    } else {
      crates.push({ name: entry.name, version: entry.version, source: entry.source, sha256: pinned ?? '' });
    }
  }
  return { crates, unpinned };
}

/** Cargo keeps each of the three in 64 bits. */
function hasSmallNumbers(text: string): boolean {
  const most = String(2n ** 64n - 1n);
  const numbers = (/^[\d.]*/.exec(text)?.[0] ?? '').split('.');
  return numbers.every((digits) => digits.length < most.length || (digits.length === most.length && digits <= most));
}

function parseToml(text: string, place: string): unknown {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new RennetError('bad-metadata', `${quoted(place)} is broken at line ${error.line}: ${reason}.`);
  }
}
