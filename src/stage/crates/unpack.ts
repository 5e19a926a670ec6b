import { mkdirSync, writeFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quoted } from '../../model/text.ts';
import { RennetError } from '../../model/errors.ts';
import type { LockedCrate } from '../../python/cargo-lock.ts';
import { readTarGz, type TarCaps, type TarVisitor } from '../../python/tar.ts';

const CAPS: TarCaps = { entries: 50_000, totalBytes: 1024 ** 3, ratio: 200, depth: 64, nameBytes: 1024 };
/** The largest single files of crates are bindings to systems that the guest is none of. */
const FILE_BYTES = 256 * 1024 * 1024;
/** Cargo's own notes about an unpacked crate: the first is ours to write. */
const OURS = ['.cargo-checksum.json', '.cargo-ok'];

/**
 * Unpacks a `.crate` into `folder/NAME-VERSION` as a member of a directory source (The Cargo Book, "Source Replacement"). Only plain files, each new,
 * all below that one folder; links are left out, as `cargo package` makes none. RennetError `bad-archive`.
 */
export async function unpackCrate(
  path: string,
  crate: LockedCrate,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const top = `${crate.name}-${crate.version}`;
  const place = join(folder, top);
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const made = new Set<string>([place]);
  const { size } = await stat(path);
  const visitor: TarVisitor = {
    wanted: (member) => (member.kind === 'file' ? FILE_BYTES : 0),
    take(member, content) {
      if (!member.name.startsWith(`${top}/`) && member.name !== top)
        throw bad(crate, `holds ${quoted(member.name)} outside of its folder`);
      if (member.kind !== 'file' || OURS.includes(member.name.split('/')[1] ?? '')) return;
      const target = join(folder, member.name);
      const parent = dirname(target);
      blaming(crate, () => {
        if (!made.has(parent)) mkdirSync(parent, { recursive: true, mode: 0o755 });
        writeFileSync(target, content, { flag: 'wx', mode: member.isExecutable ? 0o755 : 0o644 });
      });
      made.add(parent);
    },
  };
  await readTarGz(path, size, CAPS, visitor, signal).catch((error: unknown) => {
    if (!(error instanceof RennetError) || error.code !== 'bad-archive' || error.message.startsWith('The crate '))
      throw error;
    throw bad(crate, error.message.replace(/^The archive /, '').replace(/\.$/, ''));
  });
  // An empty list of files: cargo then checks none of them, and the hash of the whole against Cargo.lock.
  await writeFile(join(place, OURS[0] ?? ''), JSON.stringify({ files: {}, package: crate.sha256 }));
}

/** What a name alone can cause is the crate's fault; the rest is of this host. */
function blaming(crate: LockedCrate, write: () => void): void {
  try {
    write();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR') throw bad(crate, 'has two files for one place');
    if (code === 'ENAMETOOLONG') throw bad(crate, 'has a name that is too long for a file system');
    throw error;
  }
}

function bad(crate: LockedCrate, why: string): RennetError {
  return new RennetError('bad-archive', `The crate ${crate.name} ${crate.version} ${why}.`);
}
