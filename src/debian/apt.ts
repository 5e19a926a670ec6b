import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import { suiteSettings, type SuiteSettings } from '../host/settings.ts';
import type { Target } from '../model/target.ts';
import { closeRelations } from './apt-closure.ts';
import { renderAptConfig } from './apt-config.ts';
import { fetchDebs } from './apt-fetch.ts';
import { dumpHostConfig } from './apt-host.ts';
import { layOutSources, writeWhole } from './apt-official.ts';
import { updateLists } from './apt-update.ts';

/** One binary package file of the official archive, as the signed indexes describe it. */
export interface Deb {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  /** Path below the mirror: `pool/main/s/six/python3-six_1.16.0-4_all.deb`. */
  readonly filename: string;
  /** Absolute address at the host's own mirror. */
  readonly uri: string;
  /** Lower-case hex, from the signed Packages index. */
  readonly sha256: string;
  readonly bytes: number;
}

/** apt's index files as they lie on this host, verified by apt. */
export interface AptLists {
  readonly inReleases: readonly string[];
  readonly packages: readonly string[];
  readonly contents: readonly string[];
}

/** A private apt for one target: only official sources, own lists and cache, no hooks of the host. */
export interface AptRoot {
  readonly target: Target;
  readonly folder: string;
  /** What the operator's config.toml says of the suite. */
  readonly settings: SuiteSettings;
  /** Configuration for `APT_CONFIG`; it also names sources and lists. */
  readonly configFile: string;
  /** deb822 sources of the target, official ones only. */
  readonly sourcesFile: string;
  /**
   * Runs `apt-get update` where the lists are older than `maxAgeMs` (default 6 h) or missing. Offline with lists: goes on with a note.
   * RennetError `mirror-failed`, `bad-signature`, `bad-target`, `cancelled`.
   */
  update(
    options: { maxAgeMs?: number },
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ updated: boolean; notes: readonly string[] }>;
  /**
   * What apt itself would install, without recommends and without removing anything, for these relations
   * (`python3-six (>= 1.10)`) on top of a dpkg status file. RennetError `unmet-relations` with apt's sentence.
   */
  closure(relations: readonly string[], dpkgStatus: string, signal: AbortSignal): Promise<readonly Deb[]>;
  /** Host paths of these packages in `folder`, in their order, fetched by apt where missing; named by their sha256. */
  fetch(debs: readonly Deb[], folder: string, progress: Progress, signal: AbortSignal): Promise<readonly string[]>;
  /** The lists as they lie there now; empty before the first update. */
  lists(): Promise<AptLists>;
}

/**
 * Opens (makes, where missing) the private apt root of a target in `apt/<suite>-<architecture>`. Mirror and keys are those of config.toml,
 * else those of the host's apt, as proxy and certificates are. Does not touch the network. RennetError `bad-target` where neither has a source.
 */
export async function openAptRoot(
  target: Target,
  state: Pick<StateFolder, 'apt' | 'settingsFile'>,
  signal: AbortSignal,
): Promise<AptRoot> {
  const settings = await suiteSettings(state, target.suite);
  const root = join(state.apt, `${target.suite}-${target.architecture}`);
  const places = { configFile: join(root, 'apt.conf'), sourcesFile: join(root, 'official.sources') };
  for (const below of ['state/lists/partial', 'cache/archives/partial', 'log']) {
    await mkdir(join(root, below), { recursive: true });
  }
  // A proxy's password may stand in it.
  await writeWhole(places.configFile, renderAptConfig(target, root, await dumpHostConfig(signal)), 0o600);
  await writeWhole(join(root, 'state/status'), '');
  await layOutSources(target, root, settings, signal);
  const aptRoot: AptRoot = {
    target,
    folder: root,
    settings,
    ...places,
    update: (options, progress, until) => updateLists(aptRoot, options.maxAgeMs ?? 6 * 3_600_000, progress, until),
    closure: (relations, dpkgStatus, until) => closeRelations(aptRoot, relations, dpkgStatus, until),
    fetch: (debs, into, progress, until) => fetchDebs(aptRoot, debs, into, progress, until),
    lists: () => readLists(join(root, 'state/lists')),
  };
  return aptRoot;
}

async function readLists(folder: string): Promise<AptLists> {
  const names = (await readdir(folder)).toSorted();
  const matching = (pattern: RegExp): string[] =>
    names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
  return {
    inReleases: matching(/_(?:In)?Release$/),
    packages: matching(/_Packages$/),
    contents: matching(/_Contents-[a-z0-9]+(?:\.gz)?$/),
  };
}
