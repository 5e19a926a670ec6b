/** What a release needs beside what it declares, as far as somebody knows: earlier builds, or the operator. */
export interface Hint {
  /** Official packages for the build, with who says so. */
  readonly buildPackages: readonly HintedPackage[];
  /** PEP 508 texts that the build gets like declared ones; only an operator says such a thing (dependency confusion). */
  readonly buildRequirements: readonly string[];
  /** Relations on official packages that the package gets in its Depends. */
  readonly depends: readonly HintedPackage[];
  /** Dotted module names that are imported by the check, in the place of those that the wheel shows. */
  readonly imports?: readonly string[];
  /** For `--tests`: a line for sh in the unpacked sdist, in the place of what is found there. */
  readonly testCommand?: string;
}

/** `file`: hints.toml; `operator`: rennet hints add; `learned`: an earlier build that failed without it. */
export type HintOrigin = 'file' | 'operator' | 'learned';

export interface HintedPackage {
  /** A package's name, or for Depends a relation: `libgomp1 (>= 12)`. */
  readonly package: string;
  readonly origin: HintOrigin;
  /** Why, for people: `header gmp.h`; empty where nobody said. */
  readonly reason: string;
}

/** What is remembered of a project in a suite, one row for each thing. */
export interface RememberedHint {
  /** PEP 503 normalised. */
  readonly project: string;
  readonly suite: string;
  readonly kind: 'build-package' | 'run-package' | 'build-requirement';
  /** A package's name, or a PEP 508 text. */
  readonly value: string;
  readonly origin: Exclude<HintOrigin, 'file'>;
  /** The release at which it was learned; empty for what the operator added. */
  readonly version: string;
  readonly reason: string;
}

export const NO_HINT: Hint = { buildPackages: [], buildRequirements: [], depends: [] };
