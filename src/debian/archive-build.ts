import { execa } from 'execa';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import { formatTarget, type TargetFacts } from '../model/target.ts';
import type { AptRoot } from './apt.ts';
import { scanContents } from './archive-scan.ts';
import { officialDists, parseFallback } from './official-dists.ts';
import { readPackages } from './packages-index.ts';
import { readReleaseFields, targetFacts } from './target-facts.ts';

/** Grows with every change of what is stored; files of another format are never read. */
export const INDEX_FORMAT = 1;

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
  readonly paths: string;
  readonly development: string;
}

/** Where the index of these InRelease files (named by `key`) lies. */
export function indexFiles(root: AptRoot, key: string): IndexFiles {
  const stem = join(root.folder, 'index', key);
  return { index: `${stem}.json`, paths: `${stem}.paths`, development: `${stem}.development` };
}

/** Derives the index from the root's lists; the `.json` appears last, so that whoever sees it sees all three files whole. */
export async function buildArchiveIndex(root: AptRoot, files: IndexFiles, signal: AbortSignal): Promise<void> {
  const lists = await root.lists();
  const release = lists.inReleases.find((path) => path.includes(`_dists_${root.target.suite}_`));
  if (release === undefined || lists.packages.length === 0) {
    throw new RennetError(
      'mirror-failed',
      `There are no package lists of ${formatTarget(root.target)} yet.`,
      'Update them first.',
    );
  }
  await mkdir(join(root.folder, 'index'), { recursive: true });
  const scratch = `.${process.pid}`;
  try {
    const known = await readPackages(lists.packages, signal);
    const { packages } = known;
    const scan = await scanContents(lists.contents, packages, files.development + scratch, signal);
    const fallback = parseFallback(await readDhPython(root, signal));
    const stored: StoredIndex = {
      format: INDEX_FORMAT,
      facts: targetFacts(root.target, packages, await readReleaseFields(release)),
      packages: table([...packages].map(([name, { version, architecture }]) => [name, version, architecture])),
      dists: table(
        officialDists(scan.dists, known, fallback).map((row) => [row.project, row.package, row.upstreamVersion]),
      ),
      modules: table(scan.modules.entries()),
      programs: table([...scan.programs]),
      stdlib: [...scan.stdlib].toSorted(),
    };
    await writeSynced(files.paths + scratch, scan.paths.bytes());
    await writeSynced(files.index + scratch, Buffer.from(JSON.stringify(stored)));
    for (const file of [files.development, files.paths, files.index]) await rename(file + scratch, file);
  } finally {
    for (const file of Object.values(files)) await rm(file + scratch, { force: true });
  }
}

/** dh-python ships Debian's own mapping of projects to packages; it is fetched, never run. */
async function readDhPython(root: AptRoot, signal: AbortSignal): Promise<string> {
  const closure = await root.closure(['dh-python'], join(root.folder, 'state/status'), signal);
  const wanted = closure.filter((deb) => deb.package === 'dh-python');
  const [path = ''] = await root.fetch(wanted, join(root.folder, 'cache/debs'), () => undefined, signal);
  const unpack = execa('dpkg-deb', ['--fsys-tarfile', path], { cancelSignal: signal, buffer: false });
  const { stdout } = await unpack.pipe('tar', ['-xO', './usr/share/dh-python/dist/cpython3_fallback'], {
    cancelSignal: signal,
  });
  return stdout;
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.join('\t')).join('\n');
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  await using file = await open(path, 'w');
  await file.writeFile(bytes);
  await file.sync();
}
