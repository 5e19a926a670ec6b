import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from '../../host/files.ts';
import { RennetError } from '../../model/errors.ts';
import type { Progress } from '../../model/progress.ts';
import type { LockedCrate } from '../../python/cargo-lock.ts';
import { lastError, notFetched } from './cargo-error.ts';
import { runCargo, writeCargoHome } from './cargo.ts';

/**
 * Has cargo download the crates of one lock file, from wherever the operator's cargo takes them, and gives their `.crate` files, each with the hash of the
 * lock; those of another registry than the default one are left out, so that no lock of a stranger says whom this host talks to. Cargo sees a manifest of ours with names and exact versions only, never a file of the release; it runs nothing of a crate.
 * RennetError `wrong-hash`, `bad-metadata` (the registry has no such crate, or cargo does not take it), `index-unreachable`, `missing-tool`, `cancelled`.
 */
export async function fetchCrates(
  crates: readonly LockedCrate[],
  cacheFolder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<ReadonlyMap<LockedCrate, string>> {
  const home = join(cacheFolder, 'cargo');
  await writeCargoHome(home);
  await mkdir(join(cacheFolder, 'layers'), { recursive: true });
  const scratch = await mkdtemp(join(cacheFolder, 'layers', `.fetch-${process.pid}-`));
  try {
    progress({ doing: `fetching ${crates.length} crates` });
    const registry = await registrySource(scratch, signal);
    const wanted = crates.filter(({ source }) => source === registry);
    if (wanted.length === 0) return new Map();
    const manifest = await writeProject(join(scratch, 'all'), wanted, registry);
    for (let missing = Infinity, isFirst = true; ; isFirst = false) {
      const result = await runCargo(['fetch', '--manifest-path', manifest], home, signal);
      const { found, wrong } = await findFiles(wanted, home, signal);
      if (wrong[0] && !isFirst) throw wrongHash(wrong[0]);
      // A power cut may have cut one off; cargo looks at a download once only.
      for (const { path } of wrong) await rm(path, { force: true });
      // Cargo stops at the first crate that it cannot read, though the guest's may; the others come with the next call.
      const left = wanted.filter((crate) => !found.has(crate));
      if (left[0] === undefined) return found;
      if (wrong.length === 0 && (result.ok || left.length >= missing)) throw notFetched(left[0], result);
      missing = left.length;
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * What lock files call the default registry, asked of cargo itself: it locks a crate of ours from a folder that stands in for it, offline. Yanked crates are
 * given to those only that have a lock with that name.
 */
async function registrySource(scratch: string, signal: AbortSignal): Promise<string> {
  const folder = join(scratch, 'name');
  const crate = join(folder, 'crates/curd');
  await mkdir(join(crate, 'src'), { recursive: true });
  await writeFile(join(crate, 'Cargo.toml'), '[package]\nname = "curd"\nversion = "1.0.0"\n');
  await writeFile(join(crate, 'src/lib.rs'), '');
  await writeFile(join(crate, '.cargo-checksum.json'), JSON.stringify({ files: {}, package: '0'.repeat(64) }));
  const home = join(folder, 'home');
  await mkdir(home);
  await writeFile(
    join(home, 'config.toml'),
    `[source.crates-io]\nreplace-with = "made"\n\n[source.made]\ndirectory = ${JSON.stringify(join(folder, 'crates'))}\n`,
  );
  const manifest = await writeProject(join(folder, 'project'), [{ name: 'curd', version: '1.0.0' }]);
  const { said } = await runCargo(['generate-lockfile', '--offline', '--manifest-path', manifest], home, signal);
  const lock = await readFile(join(folder, 'project/Cargo.lock'), 'utf8').catch(() => '');
  const source = /^source = "(registry\+[^"\s]+)"$/m.exec(lock)?.[1];
  if (source !== undefined) return source;
  throw new RennetError('missing-tool', `The host's cargo cannot lock a crate: ${lastError(said)}`);
}

/** A manifest that wants each crate under a name of its own, so that several versions of one have room; with a lock that pins them where `registry` is given. */
async function writeProject(
  folder: string,
  crates: readonly Pick<LockedCrate, 'name' | 'version'>[],
  registry?: string,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const wanted = crates.map(
    ({ name, version }, index) =>
      `c${index} = { package = "${name}", version = "=${version.replace(/\+.*/, '')}", default-features = false }\n`,
  );
  await writeFile(
    join(folder, 'Cargo.toml'),
    `[workspace]\n\n[package]\nname = "rennet-inputs"\nversion = "0.0.0"\nedition = "2021"\n\n[lib]\npath = "lib.rs"\n\n[dependencies]\n${wanted.join('')}`,
  );
  await writeFile(join(folder, 'lib.rs'), '');
  if (registry !== undefined) {
    // Without checksums: a wrong one would be cargo's long story instead of our sentence, and stop the others.
    const packages = crates.map(
      ({ name, version }) => `[[package]]\nname = "${name}"\nversion = "${version}"\nsource = "${registry}"\n`,
    );
    await writeFile(join(folder, 'Cargo.lock'), `version = 3\n\n${packages.join('\n')}`);
  }
  return join(folder, 'Cargo.toml');
}

interface WrongFile {
  readonly crate: LockedCrate;
  readonly path: string;
  readonly sha256: string;
}

/** Downloads of every registry that cargo ever used here; the right file is the one with the hash of the lock. */
async function findFiles(
  crates: readonly LockedCrate[],
  home: string,
  signal: AbortSignal,
): Promise<{ found: Map<LockedCrate, string>; wrong: WrongFile[] }> {
  const files = await Array.fromAsync(glob('registry/cache/*/*.crate', { cwd: home }));
  const byName = Map.groupBy(files, (file) => file.slice(file.lastIndexOf('/') + 1));
  const found = new Map<LockedCrate, string>();
  const wrong: WrongFile[] = [];
  for (const crate of crates) {
    const others: WrongFile[] = [];
    for (const file of byName.get(`${crate.name}-${crate.version}.crate`) ?? []) {
      const path = join(home, file);
      const sha256 = await sha256OfFile(path, signal);
      if (sha256 === crate.sha256) found.set(crate, path);
      else others.push({ crate, path, sha256 });
    }
    if (!found.has(crate)) wrong.push(...others);
  }
  return { found, wrong };
}

function wrongHash({ crate, sha256 }: WrongFile): RennetError {
  return new RennetError(
    'wrong-hash',
    `${crate.name}-${crate.version}.crate of the registry has the sha256 ${sha256}, and Cargo.lock says ${crate.sha256}; the crate is not used.`,
    "The sdist's Cargo.lock is wrong, or the registry changed a file.",
  );
}
