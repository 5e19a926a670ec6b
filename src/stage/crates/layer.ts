import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockedCrate } from '../../python/cargo-lock.ts';
import { copyTrees, ensureFolder, exists, run } from '../folders.ts';
import { type BuildRequirement, type DownloadClock, type StagePorts, timeDownload } from '../ports.ts';
import { fetchCrates } from './fetch.ts';
import { findCargoLocks } from './find-locks.ts';
import { unpackCrate } from './unpack.ts';

export interface LaidOutCrates {
  readonly layers: readonly string[];
  readonly buildRequirements: readonly BuildRequirement[];
  readonly notes: readonly string[];
}

const LAYER = 'layers/60-crates';
const PLACE = 'usr/share/rennet-crates';
/** Cargo reads the configuration of every folder from where it stands up to the root; one of the sdist's own is nearer and wins. */
const CONFIG = `[source.crates-io]
replace-with = "rennet"

[source.rennet]
directory = "/${PLACE}"
`;
const MAX_NOTED = 5;

/**
 * Writes the layer that holds the crates of the sdist's Cargo.lock files, each with the hash that is pinned, as a directory source that stands in for the
 * registry. What the locks take from elsewhere is noted; a build that wants it ends as needs-network. No lock, no layer.
 * RennetError as `findCargoLocks`, `fetchCrates` and `unpackCrate`.
 */
export async function layOutCrates(
  sdist: string,
  input: string,
  ports: Pick<StagePorts, 'cacheFolder' | 'progress'>,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<LaidOutCrates> {
  const locks = await findCargoLocks(sdist, signal);
  const trees = new Map<string, { crate: LockedCrate; tree: string }>();
  const foreign = locks.flatMap(({ unpinned }) => unpinned);
  for (const { crates } of locks) {
    const places = crates.map((crate) => ({
      crate,
      place: join(ports.cacheFolder, 'layers', `crate-${crate.sha256}`),
    }));
    const missing = await missingOf(places);
    const fetched =
      missing.length === 0
        ? undefined
        : await timeDownload(clock, () => fetchCrates(crates, ports.cacheFolder, ports.progress, signal));
    for (const { crate, place } of places) {
      const file = fetched?.get(crate);
      if (file !== undefined) await ensureFolder(place, (scratch) => fill(scratch, file, crate, signal), signal);
      else if (missing.includes(crate)) {
        foreign.push(`${crate.name} ${crate.version} from ${crate.source}`);
        continue;
      }
      trees.set(`${crate.name}-${crate.version}`, { crate, tree: join(place, 'tree') });
    }
  }
  const notes = notesOf(foreign);
  if (trees.size === 0) return { layers: [], buildRequirements: [], notes };
  const layer = join(input, LAYER);
  await copyTrees(
    [...trees.values()].map(({ tree }) => tree),
    layer,
    signal,
  );
  await mkdir(join(layer, '.cargo'), { recursive: true, mode: 0o755 });
  await writeFile(join(layer, '.cargo/config.toml'), CONFIG);
  return { layers: [LAYER], buildRequirements: [...trees.values()].map(({ crate }) => provenance(crate)), notes };
}

async function fill(scratch: string, file: string, crate: LockedCrate, signal: AbortSignal): Promise<void> {
  const tree = join(scratch, 'tree');
  await unpackCrate(file, crate, join(tree, PLACE), signal);
  // Whatever the umask is: the guest builds as another user.
  await run('chmod', ['--recursive', 'u=rwX,go=rX', tree], signal);
}

async function missingOf(places: readonly { crate: LockedCrate; place: string }[]): Promise<LockedCrate[]> {
  const missing: LockedCrate[] = [];
  for (const { crate, place } of places) if (!(await exists(place))) missing.push(crate);
  return missing;
}

function provenance({ name, version, sha256 }: LockedCrate): BuildRequirement {
  return { requirement: '', by: 'crate', name, version, sha256, filename: `${name}-${version}.crate` };
}

function notesOf(foreign: readonly string[]): string[] {
  const all = [...new Set(foreign)];
  const shown = all
    .slice(0, MAX_NOTED)
    .map((text) => `Cargo.lock takes ${text}, which is not fetched; a build that needs it fails.`);
  return all.length > MAX_NOTED ? [...shown, `Cargo.lock names ${all.length - MAX_NOTED} more such crates.`] : shown;
}
