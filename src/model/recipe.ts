import type { Hint } from './hint.ts';
import type { ReleaseFile } from './release.ts';
import type { LedgerLine, Outcome } from './outcome.ts';
import type { TargetFacts } from './target.ts';

/** How one requirement of a release is met on a target. */
export interface MetRequirement {
  /** The PEP 508 string as upstream wrote it. */
  readonly requirement: string;
  /** Normalised project name. */
  readonly project: string;
  readonly by: 'official' | 'rennet' | 'interpreter';
  /** Debian package name, e.g. `python3-wcwidth`; empty for `interpreter`. */
  readonly package: string;
  /** Its Debian version; empty for `interpreter`. */
  readonly packageVersion: string;
  /** The upstream version that was compared with the specifier. */
  readonly version: string;
  /** Relations for Depends, e.g. `python3-wcwidth (>= 0.2.5)`; empty for `interpreter`. */
  readonly relations: readonly string[];
}

export interface UnmetRequirement {
  /** The PEP 508 string as upstream wrote it. */
  readonly requirement: string;
  /** Normalised project name; empty where the text cannot be read. */
  readonly project: string;
  readonly sentence: string;
  /** Set where a build of that project could meet it: what the requirement asks of it. */
  readonly wanted?: { readonly specifier: string; readonly extras: readonly string[] };
}

/** The answer to "can the target meet these requirements?". */
export interface Resolution {
  readonly met: readonly MetRequirement[];
  /** Each unmet requirement with one sentence: what is asked, what the suite has. */
  readonly unmet: readonly UnmetRequirement[];
  /** One line for every requirement and extra, whatever became of it. */
  readonly ledger: readonly LedgerLine[];
}

/** Resolves PEP 508 strings for a target; the flow hands this function to the stages that need it. */
export type ResolveRequirements = (requirements: readonly string[], extras: readonly string[]) => Resolution;

/** All that is decided before anything is downloaded: the worker's order. */
export interface Recipe {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440 normal form of the chosen release. */
  readonly version: string;
  readonly target: TargetFacts;
  readonly source: ReleaseFile;
  /** Package name this job may produce: `python3-…`. */
  readonly package: string;
  /** Upstream part of the Debian version, canonical: `6.3` of `6.3-0~pypi1~deb12`. */
  readonly upstreamVersion: string;
  /** The release's wheels on the index, for any target: what the result is compared with. */
  readonly wheels: readonly ReleaseFile[];
  /** A private build of a project that the suite provides; kept, never published. */
  readonly forceOfficial: boolean;
  /** What it needs beside what it declares; set when its attempt begins. */
  readonly hint?: Hint;
  /** Where `source` is upstream's wheel because the sdist could not be built: that sdist, and how its build ended. */
  readonly inPlaceOf?: { readonly filename: string; readonly outcome: Outcome };
}

/** One entry of a plan, in build order. */
export interface PlanItem {
  readonly project: string;
  readonly version: string;
  readonly action: 'official' | 'build' | 'built' | 'blocked';
  readonly package: string;
  readonly sentence: string;
  /** Projects that it requires; each is an item before this one. */
  readonly needs: readonly string[];
  /** For `build`: what to do. */
  readonly recipe?: Recipe;
  /** For `build`: the same version is published, made of another file than the one that is asked for. */
  readonly rebuild?: boolean;
  /** For `built`: where it came from, where that is not the index of this run. */
  readonly apart?: string;
  /** For `blocked`: the outcome that the attempt gets. */
  readonly blockedAs?: 'unsatisfiable' | 'no-source' | 'not-for-target' | 'held' | 'rejected' | 'build-failed';
  /** Of a release that cannot be read: the rule that it breaks, or the class of the failure. */
  readonly blockedBy?: Pick<Outcome, 'rule' | 'class'>;
}

export interface Plan {
  readonly target: TargetFacts;
  readonly items: readonly PlanItem[];
  /** Newer releases of the wanted project, which is the last item, that were passed over, newest first. */
  readonly heldBack: readonly { version: string; reason: string }[];
  /** One sentence for each old release that had to be chosen, of what is wanted and of what it requires. */
  readonly warnings: readonly string[];
  /** Set when the index lists no usable thing at all. */
  readonly notes: readonly string[];
}
