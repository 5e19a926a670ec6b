import type { DriverName, Isolation, ResetStrategy } from '../model/machine.ts';
import type { FailureClass, LedgerLine, LimitKind, OutcomeKind, Timings } from '../model/outcome.ts';
import type { Architecture, Target } from '../model/target.ts';

/** What is known when an attempt begins. */
export interface AttemptStart extends Target {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 normal form; empty while no release could be chosen. */
  readonly version: string;
  readonly driver?: DriverName;
  readonly reset?: ResetStrategy;
}

/** What an attempt leaves behind, whatever its outcome. */
export interface AttemptEnding {
  readonly outcome: OutcomeKind;
  readonly sentence: string;
  readonly class?: FailureClass;
  readonly rule?: string;
  readonly limit?: LimitKind;
  readonly logLine?: string;
  /** What was really used, where it differs from what was asked for. */
  readonly driver?: DriverName;
  readonly reset?: ResetStrategy;
  readonly isolation?: Isolation;
  readonly package?: string;
  readonly packageVersion?: string;
  /** Blobs, by sha256. */
  readonly deb?: string;
  readonly log?: string;
  readonly timingsMs?: Timings;
  /** Facts found by the build and the checks; JSON. */
  readonly evidence?: Record<string, unknown>;
  /** Everything that went into the build: source, image, template, packages, wheels, limits; JSON. */
  readonly provenance?: Record<string, unknown>;
  readonly ledger?: readonly LedgerLine[];
}

/** One attempt as it stands in the database; `outcome` is absent while it runs. */
export interface Attempt extends AttemptStart, Omit<AttemptEnding, 'outcome' | 'sentence' | 'ledger'> {
  readonly id: string;
  readonly outcome?: OutcomeKind;
  /** Empty while it runs. */
  readonly sentence: string;
  readonly timingsMs: Timings;
  readonly evidence: Record<string, unknown>;
  readonly provenance: Record<string, unknown>;
  readonly ledger: readonly LedgerLine[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt?: string;
}

/** What an attempt is told when a later process publishes its package. */
export interface Amendment {
  readonly sentence: string;
  readonly package: string;
  readonly packageVersion: string;
  /** Blob of the package, by sha256. */
  readonly deb: string;
  /** Where the package lies. */
  readonly file: string;
}

export interface AttemptFilter {
  readonly ids?: readonly string[];
  readonly project?: string;
  readonly target?: Target;
  readonly outcome?: OutcomeKind;
  /** Newest first; 50 by default. */
  readonly limit?: number;
}

/** A checked binary package that may be published. */
export interface PackageRecord {
  readonly suite: string;
  readonly package: string;
  /** Debian version with revision. */
  readonly version: string;
  readonly architecture: Architecture | 'all';
  readonly project: string;
  /** Upstream part of the Debian version. */
  readonly upstream: string;
  /** Build number N of the revision `-0~pypiN~…`. */
  readonly build: number;
  /** The control stanza, without the fields that the Packages writer adds. */
  readonly control: string;
  /** sha256 of the .deb, which must be a durable blob already. */
  readonly sha256: string;
  readonly bytes: number;
  /** Path below the archive folder, `pool/…`. */
  readonly pool: string;
  readonly attempt: string;
  /** What no other project may publish as well; see model/claim.ts. */
  readonly claims: readonly string[];
}

/** A package that the index of a suite shall hold. */
export interface PublishedRow extends Omit<PackageRecord, 'claims'> {
  /** ISO 8601; absent until a published index held it. */
  readonly publishedAt?: string;
}

/** What the index of a suite shall hold, and the number of the change that asked for it. */
export interface SuiteContent {
  /** By package, then newest build first. Versions of one package are ordered by the writer with Debian's rules. */
  readonly rows: readonly PublishedRow[];
  /** Give it to `markPublished` after the flip. */
  readonly change: number;
  /** Generation that is published now; 0 before the first. */
  readonly generation: number;
}

export type RecordResult =
  | { readonly recorded: 'new' | 'same' }
  /** Another project has published `claim`, or what lies above or below it; nothing was recorded. */
  | { readonly recorded: 'held'; readonly claim: string; readonly owner: string }
  /** The same version stands there with other bytes; assemble again with this build number. */
  | { readonly recorded: 'refused'; readonly nextBuild: number };

/** What the start found to mend. */
export interface Recovery {
  /** Attempts whose process had died; ended as `infrastructure` now. */
  readonly interrupted: readonly string[];
  /** Suites whose index lacks a recorded package or still holds a removed one. */
  readonly unpublishedSuites: readonly string[];
}
