import { open } from 'node:fs/promises';
import type { SdistFacts } from './sdist-facts.ts';
import { createSdistReader } from './sdist-facts.ts';
import type { TarCaps, TarVisitor } from './tar.ts';
import { readTarGz } from './tar.ts';
import { badArchive } from './zip-entry.ts';
import { openZip } from './zip.ts';

export type { BuildSystem } from './build-system.ts';
export type { SdistFacts } from './sdist-facts.ts';

const CAPS: TarCaps = { entries: 100_000, totalBytes: 2 * 1024 ** 3, ratio: 200, depth: 64, nameBytes: 1024 };

/**
 * Reads what the host needs to know of an sdist (.tar.gz or .zip, told apart by their first bytes) in one pass; nothing is
 * unpacked, nothing run. Up to 2 GiB and 100,000 entries, one top folder. Throws `bad-archive`, or `bad-metadata` where
 * pyproject.toml is broken or PKG-INFO names another release than `expected`. On abort the signal's reason.
 */
export async function readSdist(
  path: string,
  expected: { readonly project: string; readonly version: string },
  signal?: AbortSignal,
): Promise<SdistFacts> {
  const reader = createSdistReader(expected);
  await visitSdist(path, reader, signal);
  return reader.finish();
}

/** Shows every member of an sdist to a visitor, within the same bounds as `readSdist`; whether names make sense is the visitor's to judge. */
export async function visitSdist(path: string, visitor: TarVisitor, signal?: AbortSignal): Promise<void> {
  const { start, size } = await readStart(path);
  if (start.startsWith('1f8b')) await readTarGz(path, size, CAPS, visitor, signal);
  else if (start === '504b0304') {
    const zip = await openZip(path, { ...CAPS, archiveBytes: CAPS.totalBytes, entryBytes: CAPS.totalBytes });
    try {
      for (const name of zip.directories) visitor.take({ name, kind: 'directory', bytes: 0 }, Buffer.alloc(0));
      for (const { name, bytes } of zip.entries) {
        signal?.throwIfAborted();
        const member = { name, kind: 'file', bytes } as const;
        const wanted = visitor.wanted(member);
        visitor.take(member, wanted > 0 ? await zip.read(name, wanted) : Buffer.alloc(0));
      }
    } finally {
      await zip.close();
    }
  } else throw badArchive('is neither gzip-compressed nor a zip archive');
}

async function readStart(path: string): Promise<{ start: string; size: number }> {
  const handle = await open(path, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return { start: buffer.toString('hex'), size: (await handle.stat()).size };
  } finally {
    await handle.close();
  }
}
