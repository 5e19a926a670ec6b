import type { AptRoot } from './debian/apt.ts';
import type { ArchiveIndex } from './debian/archive-index.ts';
import type { FileHint } from './hints/hints-file.ts';
import type {
  Channel,
  GuestLimits,
  Image,
  MachineDriver,
  MirrorDisk,
  Prerequisites,
  ResetStrategy,
} from './model/machine.ts';
import type { Progress } from './model/progress.ts';
import type { Recipe, UnmetRequirement } from './model/recipe.ts';
import type { StateFolder } from './model/state.ts';
import type { Bounds } from './plan/bounds.ts';
import type { IndexClient } from './python/client.ts';
import type { Store } from './store/store.ts';

/** What planning needs; no guest, no image. */
export interface PlanPorts {
  readonly state: StateFolder;
  readonly store: Store;
  readonly index: IndexClient;
  readonly apt: AptRoot;
  readonly archive: ArchiveIndex;
  /** The operator's own hints file. */
  readonly hints: readonly FileHint[];
  readonly progress: Progress;
  /** What the person bounds; nothing where it is absent. */
  readonly bounds?: Bounds;
}

/** What an attempt needs beside. */
export interface FlowPorts extends PlanPorts {
  readonly images: { readonly build: Image; readonly runtime: Image };
  readonly driver: MachineDriver;
  readonly reset: ResetStrategy;
  readonly channel: Channel;
  readonly prerequisites: Prerequisites;
  /** Where the prerequisites come from the operator's mirror. */
  readonly mirror?: MirrorDisk;
  readonly limits: { readonly build: GuestLimits; readonly check: GuestLimits };
  /** Who stands behind the packages: the Maintainer field. */
  readonly maintainer: string;
  /** Upstream's tests are run as well; they decide nothing. */
  readonly tests?: boolean;
  /** Where source packages are written; none are where it is absent. */
  readonly sourceFolder?: string;
  /**
   * Builds and publishes what a built release turns out to require; its attempt waits meanwhile. AttemptEnd where that
   * cannot be had.
   */
  readonly buildMissing: (asker: Recipe, missing: readonly UnmetRequirement[], signal: AbortSignal) => Promise<void>;
}
