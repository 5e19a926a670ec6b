import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Deb } from '../debian/apt.ts';
import { joinDebs, unpackDebs } from './deb-layers.ts';
import { writeStatusLayer } from './dpkg-status.ts';
import { type DownloadClock, type StagePorts, timeDownload } from './ports.ts';

/** What a guest of the runtime image is to have installed. */
export interface PackagesRequest {
  /** Scratch folder; what was in it is removed. */
  readonly folder: string;
  /** Host paths of the packages to install, under their file names. */
  readonly debs: readonly string[];
  /** Further packages that are no official ones, installed in the same call, under these names. */
  readonly ownDebs?: readonly { readonly path: string; readonly name: string }[];
  /** What all of them depend on of official packages, one relation an item: `python3-wcwidth (>= 0.2.5)`. */
  readonly relations: readonly string[];
}

export interface CheckRequest extends PackagesRequest {
  /** Attempt id, told to the guest. */
  readonly id: string;
  readonly package: string;
  readonly distribution: string;
  readonly version: string;
  readonly modules: readonly string[];
  /** Absolute paths: `/usr/bin/ftfy`. */
  readonly scripts: readonly string[];
  /** Those of the scripts that only call an entry point. */
  readonly launchers?: readonly string[];
  /** Absolute paths of compiled files. */
  readonly compiled?: readonly string[];
  /** `name [group]`, each of which importlib.metadata must find. */
  readonly entryPoints?: readonly string[];
  /** Projects that packages must bring along; importlib.metadata in the guest says which it does not find. */
  readonly requirements?: readonly string[];
}

export interface StagedCheck {
  /** Folder that the guest sees as /rennet/in. */
  readonly input: string;
  /** The official packages that apt would install with it. */
  readonly closure: readonly Deb[];
  readonly downloadMs: number;
}

/** Lays out the input of a check. RennetError `unmet-relations` where apt finds no way to install the packages. */
export async function stageCheck(
  request: CheckRequest,
  ports: Omit<StagePorts, 'index'>,
  signal: AbortSignal,
): Promise<StagedCheck> {
  const { layers, debs, ...staged } = await layOutPackages(request, ports, signal);
  const job = {
    protocol: 1,
    id: request.id,
    kind: 'check',
    layers,
    debs,
    package: request.package,
    distribution: request.distribution,
    version: request.version,
    modules: request.modules,
    scripts: request.scripts,
    requirements: request.requirements ?? [],
    launchers: request.launchers ?? [],
    compiled: request.compiled ?? [],
    entryPoints: request.entryPoints ?? [],
  };
  await writeFile(join(staged.input, 'job.json'), JSON.stringify(job));
  return staged;
}

/**
 * The packages as files and, unpacked, what apt would install for their Depends on the runtime image; `layers` and `debs` as job.json
 * names them. RennetError `unmet-relations` where apt finds no way.
 */
export async function layOutPackages(
  request: PackagesRequest,
  ports: Omit<StagePorts, 'index'>,
  signal: AbortSignal,
): Promise<StagedCheck & { readonly layers: readonly string[]; readonly debs: readonly string[] }> {
  const clock: DownloadClock = { ms: 0 };
  const input = join(request.folder, 'in');
  await rm(request.folder, { recursive: true, force: true });
  for (const folder of ['layers', 'debs']) await mkdir(join(input, folder), { recursive: true });
  const { dpkgStatus } = ports.images.runtime;
  const closure = await ports.apt.closure(request.relations, dpkgStatus, signal);
  const layers: string[] = [];
  if (closure.length > 0) {
    const debFolder = join(ports.cacheFolder, 'debs');
    const paths = await timeDownload(clock, () => ports.apt.fetch(closure, debFolder, ports.progress, signal));
    const unpacked = await unpackDebs(closure, paths, ports.cacheFolder, ports.archive.facts.python, signal);
    layers.push('layers/00-official', 'layers/99-dpkg-status');
    await joinDebs(unpacked, join(input, 'layers/00-official'), signal);
    await writeStatusLayer(dpkgStatus, unpacked, join(input, 'layers/99-dpkg-status'));
  }
  const files = [...(request.ownDebs ?? []), ...request.debs.map((path) => ({ path, name: basename(path) }))];
  for (const { path, name } of files) await copyFile(path, join(input, 'debs', name));
  return { input, closure, layers, debs: files.map(({ name }) => `debs/${name}`), downloadMs: clock.ms };
}
