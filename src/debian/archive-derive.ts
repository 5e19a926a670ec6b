import { execa } from 'execa';
import { rename, rm, writeFile } from 'node:fs/promises';
import { temporaryName } from '../host/process-owner.ts';
import type { Target, TargetFacts } from '../model/target.ts';
import { scanContents } from './archive-scan.ts';
import { officialDists, parseFallback } from './official-dists.ts';
import { readPackages } from './packages-index.ts';
import { readReleaseFields, targetFacts } from './target-facts.ts';

/** Grows with every change of what is stored; files of another format are never read. */
export const INDEX_FORMAT = 3;

/** The derived index as it lies in its file. Tables are text, one row a line, tab separated: parsed only when asked. */
export interface StoredIndex {
  readonly format: number;
  readonly facts: TargetFacts;
  /** `package version architecture`; the line's number names the package in the path table. */
  readonly packages: string;
  /** `project package upstreamVersion`, best first for each project. */
  readonly dists: string;
  /** `module owner`, see module-tree.ts. */
  readonly modules: string;
  /** `program package`. */
  readonly programs: string;
  readonly stdlib: readonly string[];
}

export interface IndexFiles {
  readonly index: string;
  /** See path-table.ts. */
  readonly paths: string;
  /** Headers, pkg-config files, link libraries, CMake packages and programs: `path package`. */
  readonly development: string;
}

/** Everything that the index is derived from, as files of this host. */
export interface DeriveInput {
  readonly target: Target;
  /** The operator's tag of the suite. */
  readonly tag?: string | undefined;
  /** InRelease of the suite itself. */
  readonly release: string;
  readonly packages: readonly string[];
  readonly contents: readonly string[];
  /** The suite's dh-python, for its mapping of projects to packages. Read, never run. */
  readonly dhPython: string;
  readonly files: IndexFiles;
}

/** Derives the index. Its `.json` appears last, so that whoever sees it sees all three files whole. RennetError `bad-target`. */
export async function deriveIndex(input: DeriveInput, signal: AbortSignal): Promise<void> {
  const { files } = input;
  const scratch = `.${temporaryName()}`;
  try {
    const known = await readPackages(input.packages, signal);
    const scan = await scanContents(input.contents, known.packages, files.development + scratch, signal);
    const dists = officialDists(scan.dists, known, parseFallback(await readFallback(input.dhPython, signal)));
    const stored: StoredIndex = {
      format: INDEX_FORMAT,
      facts: targetFacts(input.target, known.packages, await readReleaseFields(input.release), input.tag),
      packages: table([...known.packages].map(([name, { version, architecture }]) => [name, version, architecture])),
      dists: table(dists.map((row) => [row.project, row.package, row.upstreamVersion])),
      modules: table(scan.modules.entries()),
      programs: table([...scan.programs]),
      stdlib: [...scan.stdlib].toSorted(),
    };
    await writeFile(files.paths + scratch, scan.paths.bytes(), { flush: true });
    await writeFile(files.index + scratch, JSON.stringify(stored), { flush: true });
    for (const file of [files.development, files.paths, files.index]) await rename(file + scratch, file);
  } finally {
    for (const file of Object.values(files)) await rm(file + scratch, { force: true });
  }
}

async function readFallback(dhPython: string, signal: AbortSignal): Promise<string> {
  const unpack = execa('dpkg-deb', ['--fsys-tarfile', dhPython], { cancelSignal: signal, buffer: false });
  const wanted = ['-xO', './usr/share/dh-python/dist/cpython3_fallback'];
  return (await unpack.pipe('tar', wanted, { cancelSignal: signal })).stdout;
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.join('\t')).join('\n');
}
