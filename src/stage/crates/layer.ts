import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '../../host/lock.ts';
import { requireSpace } from '../../host/memory.ts';
import type { LockedCrate } from '../../python/cargo-lock.ts';
import { copyTrees, ensureFolder, exists, run } from '../folders.ts';
import { type BuildRequirement, type DownloadClock, type StagePorts, timeDownload } from '../ports.ts';
import { fetchCrates } from './fetch.ts';
import { findCargoLocks } from './find-locks.ts';
import { MOST, startTotal, type Total } from './total.ts';
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
 * RennetError as `findCargoLocks`, `fetchCrates` and `unpackCrate`; `bad-archive` where all together are too much, `no-space`.
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
  const total = startTotal();
  // Several locks of one sdist pin much the same, which counts once.
  const done = new Set<string>();
  for (const { crates } of locks) {
    const places = crates.map((crate) => ({
      crate,
      place: join(ports.cacheFolder, 'layers', `crate-${crate.sha256}`),
    }));
    const others = places.filter(({ place }) => !done.has(place));
    await ensureCrates(others, total, ports, clock, signal);
    for (const { place } of others) done.add(place);
    for (const { crate, place } of places) {
      if (await exists(place)) trees.set(`${crate.name}-${crate.version}`, { crate, tree: join(place, 'tree') });
      else foreign.push(`${crate.name} ${crate.version} from ${crate.source}`);
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

interface Place {
  readonly crate: LockedCrate;
  readonly place: string;
}

/**
 * Fetches and unpacks the crates of one lock that are not there, and counts all. One process at a time: what cargo downloads here, and a wrong file that is
 * removed, belongs to every build.
 */
async function ensureCrates(
  places: readonly Place[],
  total: Total,
  ports: Pick<StagePorts, 'cacheFolder' | 'progress'>,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<void> {
  const trees = places.map(({ place }) => join(place, 'tree'));
  if ((await missingOf(places)).length === 0) return total.add(trees, signal);
  await requireSpace(ports.cacheFolder, MOST.bytes / 1024 ** 2, 'Unpacking crates');
  const lock = await lockFile(join(ports.cacheFolder, 'cargo.lock'), signal);
  try {
    const missing = new Set(await missingOf(places));
    await total.add(
      places.filter((one) => !missing.has(one)).map(({ place }) => join(place, 'tree')),
      signal,
    );
    if (missing.size === 0) return;
    const crates = places.map(({ crate }) => crate);
    const fetched = await timeDownload(clock, () => fetchCrates(crates, ports.cacheFolder, ports.progress, signal));
    for (const { crate, place } of missing) {
      const file = fetched.get(crate);
      if (file === undefined) continue;
      const fillAndCount = async (scratch: string): Promise<void> => {
        await fill(scratch, file, crate, signal);
        await total.add([join(scratch, 'tree')], signal);
      };
      await ensureFolder(place, fillAndCount, signal);
    }
  } finally {
    await lock.release();
  }
}

async function fill(scratch: string, file: string, crate: LockedCrate, signal: AbortSignal): Promise<void> {
  const tree = join(scratch, 'tree');
  await unpackCrate(file, crate, join(tree, PLACE), signal);
  // Whatever the umask is: the guest builds as another user.
  await run('chmod', ['--recursive', 'u=rwX,go=rX', tree], signal);
}

async function missingOf(places: readonly Place[]): Promise<Place[]> {
  const missing: Place[] = [];
  for (const one of places) if (!(await exists(one.place))) missing.push(one);
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
