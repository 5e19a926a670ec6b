import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { TargetFacts } from '../model/target.ts';
import type { IndexClient } from '../python/client.ts';

/** What shall be planned. */
export interface PlanRequest {
  /** As typed; any spelling. */
  readonly project: string;
  /** PEP 440 specifier, empty for any release. */
  readonly specifier: string;
  readonly target: TargetFacts;
  /** A private build although the suite has the project: switches off the rules on names and modules, nothing else. */
  readonly forceOfficial: boolean;
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
}

export interface PlanPorts {
  readonly index: IndexClient;
  readonly archive: ArchiveIndex;
  readonly published: readonly PublishedPackage[];
}
