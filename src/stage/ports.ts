import type { AptRoot } from '../debian/apt.ts';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { Image } from '../model/machine.ts';
import type { Progress } from '../model/progress.ts';
import type { IndexClient } from '../python/client.ts';

/** What staging needs: the index, the official archive, and the images that the inputs will lie over. */
export interface StagePorts {
  readonly index: IndexClient;
  readonly apt: AptRoot;
  readonly archive: ArchiveIndex;
  readonly images: { readonly build: Image; readonly runtime: Image };
  /** `.deb` files and unpacked layers are kept here, by sha256. */
  readonly cacheFolder: string;
  readonly progress: Progress;
}

/** What one build requirement became; part of the provenance. */
export interface BuildRequirement {
  /** PEP 508 text as declared; empty for what another one brought along. */
  readonly requirement: string;
  readonly by: 'official' | 'index' | 'crate';
  /** Debian package, project of the index, or crate. */
  readonly name: string;
  readonly version: string;
  /** Empty where the image has the package already. */
  readonly sha256: string;
  readonly filename: string;
}

/** Adds up time spent on the network. */
export interface DownloadClock {
  ms: number;
}

/** Runs `work` and books its time as downloading. */
export async function timeDownload<T>(clock: DownloadClock, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    clock.ms += performance.now() - start;
  }
}
