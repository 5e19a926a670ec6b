import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { TargetFacts } from '../model/target.ts';
import type { Bounds } from './bounds.ts';
import type { IndexClient } from '../python/client.ts';

/** What shall be planned. */
export interface PlanRequest {
  /** As typed; any spelling. */
  readonly project: string;
  /** PEP 440 specifier, empty for any release. */
  readonly specifier: string;
  /** Extras that are wanted with it: what they need is planned too. Normalised. */
  readonly extras?: readonly string[];
  readonly target: TargetFacts;
  /** A private build although the suite has the project: switches off the rules on names and modules, nothing else. */
  readonly forceOfficial: boolean;
  /** Plan a build of it although it is published; not of what it requires. */
  readonly rebuild?: boolean;
  /** Who requires it, where nobody typed it: a release that was built and waits. It is met as requirements are. */
  readonly requiredBy?: string;
}

/** A package that Rennet has published for the target's suite; rows of the store have this shape. */
export interface PublishedPackage {
  readonly package: string;
  /** PEP 503 normalised. */
  readonly project: string;
  /** Upstream part of the Debian version, canonical. */
  readonly upstream: string;
  /** Debian version. */
  readonly version: string;
  /** Control stanza; what it depends on must stay installable. */
  readonly control?: string;
  /** The attempt that made it, whose ledger has what it requires. */
  readonly attempt?: string;
}

/** What a published package was made of. */
export interface PublishedSource {
  /** Address of the index, or `local`. */
  readonly origin: string;
  readonly sha256: string;
}

export interface PlanPorts {
  readonly index: IndexClient;
  readonly archive: ArchiveIndex;
  /** What the suite's index holds for the target's architecture. */
  readonly published: readonly PublishedPackage[];
  /** Requires-Dist of a published package as its wheel had it. */
  readonly publishedRequirements?: (row: PublishedPackage) => Promise<readonly string[] | undefined>;
  /** Where the file came from that a published package was made of; undefined where that is not known. */
  readonly publishedSource?: (row: PublishedPackage) => Promise<PublishedSource | undefined>;
  readonly bounds?: Bounds;
}
