import type { LimitKind } from './outcome.ts';
import type { Target } from './target.ts';

/** What stands between package code and the host. `hardware`: KVM; `emulated`: TCG, no boundary by QEMU's policy. */
export type Isolation = 'hardware' | 'emulated' | 'none';
export type DriverName = 'qemu' | 'namespace' | 'fake';
/** How a guest starts from a clean system: restored from a booted machine's memory, or booted from a disk that is reset in one of three ways. */
export const RESET_STRATEGIES = ['memory', 'overlay', 'delta', 'copy'] as const;
export type ResetStrategy = (typeof RESET_STRATEGIES)[number];

/** Room on the disk of every image, for guests that write to a disk of their own (`copy`, `delta`). */
export const DISK_ROOM_MIB = 2048;
/** How job and result travel: as folders (a disk and a stream), or by HTTP at an address inside the guest. */
export type Channel = 'folder' | 'service';
/**
 * How the official packages come that a build requires: unpacked by the host (`layers`), or installed in the guest by apt-get, from a mirror of
 * exactly these (`apt`) or from the operator's whole one (`mirror`).
 */
export const PREREQUISITES = ['layers', 'apt', 'mirror'] as const;
export type Prerequisites = (typeof PREREQUISITES)[number];

/** An operator's whole mirror, as a file that guests see as one more disk, read-only. */
export interface MirrorDisk {
  readonly path: string;
  readonly bytes: number;
}

export interface InstalledPackage {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
}

/** A root file system made once for a target; all paths are absolute and read-only. */
export interface Image {
  /** sha256 over recipe, package versions and agent: names the image. */
  readonly digest: string;
  readonly kind: 'build' | 'runtime';
  readonly target: Target;
  /** ext4 file of the root, for virtual machines; lies in tmpfs. */
  readonly disk: string;
  /** The same root as a folder, for the namespace driver; lies in tmpfs. */
  readonly folder: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly packages: readonly InstalledPackage[];
  /** dpkg's status file of the image, for apt's solver and for the check. */
  readonly dpkgStatus: string;
}

/** Bounds of one guest; reaching one ends the attempt as `limit`. */
export interface GuestLimits {
  readonly wallMs: number;
  /** No log and no message for this long. */
  readonly idleMs: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly outputBytes: number;
  readonly logBytes: number;
  readonly outputFiles: number;
  readonly processes: number;
}

/** One guest, one job. */
export interface GuestJob {
  /** Attempt id; also the job id told to the guest. */
  readonly id: string;
  readonly image: Image;
  readonly reset: ResetStrategy;
  /** Host folder that the guest sees read-only as /rennet/in; it holds job.json (see guest/README.md). */
  readonly input: string;
  /** Empty host folder where the driver spools `log` and `output` (unparsed bytes). */
  readonly spool: string;
  readonly limits: GuestLimits;
  /** `folder` where it is absent. */
  readonly channel?: Channel | undefined;
  /** `qemu` only. */
  readonly mirror?: MirrorDisk | undefined;
  /** Called with raw log bytes while the guest lives, for progress only. Hostile bytes. */
  readonly onLog?: (bytes: Uint8Array) => void;
  /** Called when the guest says what it does now; hostile text, for measuring only. */
  readonly onPhase?: (name: string) => void;
  /**
   * Called once when the guest is ready for its job, with the process of the host that it runs below; the guest is told to run when what this
   * gives has settled. For measuring only.
   */
  readonly onReady?: (process: number) => void | Promise<void>;
}

/** What a guest must be like before its job is known. */
export type GuestKind = Pick<GuestJob, 'image' | 'reset' | 'limits' | 'mirror'>;

/** What the guest claims, after the host checked shape, nonce and digest. Still hostile content. */
export interface GuestResult {
  /** 'ok', 'failed' (job ran and failed), 'needs' (build hook asked for more requirements). */
  readonly status: 'ok' | 'failed' | 'needs';
  /** Job specific facts as sent, size-capped JSON; the stage that gave the job validates it with zod. */
  readonly facts: unknown;
  /** Number of files in the output stream. */
  readonly files: number;
  /** sha512 of the output stream, recomputed by the host. */
  readonly sha512: string;
}

/** How a guest ended, seen from the host; made only after the guest is dead. */
export interface GuestReport {
  readonly end: 'result' | 'limit' | 'power-off' | 'forged' | 'cancelled' | 'infrastructure';
  readonly limit?: LimitKind;
  readonly result?: GuestResult;
  /** One sentence for every end but `result`. */
  readonly sentence: string;
  /** Spooled log, unparsed; never larger than the limit. */
  readonly log: string;
  /** Spooled output stream (tar), unparsed. */
  readonly output: string;
  readonly driver: DriverName;
  /** The strategy that was really used: a bad template falls back to overlay. */
  readonly reset: ResetStrategy;
  readonly isolation: Isolation;
  /** Version of QEMU or '' */
  readonly machineVersion: string;
  /** Machines that were started for the job: more than 1 where one did not get ready and another was tried, 0 where it was cancelled before. */
  readonly tries: number;
  readonly timingsMs: { reset: number; run: number; collect: number; teardown: number };
}

/** The driver port; one contract test suite runs against every driver. */
export interface MachineDriver {
  readonly name: DriverName;
  /**
   * Runs one job in one fresh guest and destroys the guest before it returns.
   * On failure of the machine itself: a report with end `infrastructure`, or RennetError when the host cannot run guests at all.
   * On abort: destroys the guest and returns end `cancelled`. Never leaves a process, mount, cgroup or file outside `spool`.
   */
  run(job: GuestJob, signal: AbortSignal): Promise<GuestReport>;
  /**
   * Gets ready what the next such guest starts from, so that `run` finds it: a template, a guest that waits. A head start only: what
   * goes wrong is told by `run`. Never rejects.
   */
  prepare(guest: GuestKind, signal: AbortSignal): Promise<void>;
  /** What this host gives guests of the target with this driver, with one sentence why. */
  isolation(target: Target): Promise<{ isolation: Isolation; sentence: string }>;
  /** Ends what the driver keeps between guests. Never rejects; nothing runs any more when it settles. */
  close(): Promise<void>;
}
