import type { TargetFacts } from '../model/target.ts';
import type { AptRoot } from './apt.ts';

/** A Python distribution that an official package provides. */
export interface OfficialDist {
  /** PEP 503 normalised project name. */
  readonly project: string;
  /** Debian package, e.g. `python3-six`. */
  readonly package: string;
  /** Its Debian version in the suite (updates and security included). */
  readonly packageVersion: string;
  /** What its dist-info or egg-info says; the upstream part of the Debian version where neither tells. */
  readonly upstreamVersion: string;
  readonly architecture: string;
}

/** What the official archive of a target holds, read from a compact derived index. Nothing here waits. */
export interface ArchiveIndex {
  readonly facts: TargetFacts;
  /** Top-level modules of the suite's standard library. */
  readonly stdlibModules: ReadonlySet<string>;
  /** Official distributions of a normalised project, best first: the usual `python3-<project>` before others. */
  dists(project: string): readonly OfficialDist[];
  hasPackage(name: string): boolean;
  packageVersion(name: string): string | undefined;
  /**
   * The official package that owns the module a path belongs to: `six.py`, `yaml/loader.py` (relative to dist-packages, or absolute).
   * Below a namespace the owner is that of the first level that is not one.
   */
  moduleOwner(path: string): string | undefined;
  /** The official package that ships a program of this name in /usr/bin, /bin, /usr/sbin or /sbin. */
  programOwner(path: string): string | undefined;
  /** The official package that ships exactly this path (under /usr/bin, /usr/share, /usr/lib/python3/dist-packages and the like). */
  fileOwner(path: string): string | undefined;
}

/**
 * Opens the index derived from the root's lists, building it where none exists for these InRelease files.
 * RennetError `mirror-failed` where the root has no lists (call `update` first), `no-space`.
 */
export async function openArchiveIndex(_root: AptRoot, _signal?: AbortSignal): Promise<ArchiveIndex> {
  throw new Error('not yet');
}
