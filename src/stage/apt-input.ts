import { join } from 'node:path';
import type { Deb } from '../debian/apt.ts';
import { layOutMirror, layOutSources } from '../debian/apt-mirror.ts';
import type { Prerequisites } from '../model/machine.ts';
import { joinDebs, unpackDebs } from './deb-layers.ts';
import { type DownloadClock, type StagePorts, timeDownload } from './ports.ts';

/** What a guest's apt-get is to install, see guest/README.md. */
export interface AptOrder {
  /** A layer with apt itself, which images do not hold; seen while it installs, and not by the build. */
  readonly layer: string;
  readonly architecture: string;
  /** `name=version` of every package. */
  readonly install: readonly string[];
  /** The packages come from the operator's mirror, a disk of its own. */
  readonly disk?: true;
}

const LAYER = 'layers/apt';

/**
 * Lays out what apt-get in the guest needs: apt and all that it depends on as a layer, and a mirror of exactly these packages, unless the guest
 * sees the operator's. Nothing is unpacked or configured on the host; maintainer scripts run in the guest.
 */
export async function layOutApt(
  closure: readonly Deb[],
  from: Exclude<Prerequisites, 'layers'>,
  input: string,
  ports: Omit<StagePorts, 'index'>,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<AptOrder> {
  const { apt, images, cacheFolder, progress, archive } = ports;
  const folder = join(cacheFolder, 'debs');
  const own = await apt.closure(['apt'], images.build.dpkgStatus, signal);
  const fetch = (debs: readonly Deb[]) => timeDownload(clock, () => apt.fetch(debs, folder, progress, signal));
  const unpacked = await unpackDebs(own, await fetch(own), cacheFolder, archive.facts.python, signal);
  await joinDebs(unpacked, join(input, LAYER), signal);
  if (from === 'mirror') await layOutSources(apt, input, signal);
  else await layOutMirror(apt, closure, await fetch(closure), input, signal);
  const install = closure.map((deb) => `${deb.package}=${deb.version}`);
  return { layer: LAYER, architecture: apt.target.architecture, install, ...(from === 'mirror' ? { disk: true } : {}) };
}
