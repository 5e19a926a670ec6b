import type { Recipe } from '../../model/recipe.ts';
import type { OfficialNames } from '../admission.ts';
import type { WheelShape } from '../shape.ts';
import type { WheelFacts, WheelFile } from '../wheel-report.ts';

/** `drop`: the file is left out with a ledger line; `reject`: nothing is published; `hold`: a person decides. */
type Verdict = 'drop' | 'reject' | 'hold';

export interface Rule {
  readonly name: string;
  readonly verdict: Verdict;
  /** The harm it prevents, as the end of a sentence. */
  readonly why: string;
  /** For `drop`, where something else takes the file's place: the ledger says `approximated`. */
  readonly replaced?: true;
  /** True for rules on names and modules of others, which a private build (`--force-official`) leaves out. */
  readonly names?: true;
}

/** All that a rule may look at; rules do no I/O. */
export interface RuleContext {
  readonly recipe: Recipe;
  readonly wheelName: string;
  readonly facts: WheelFacts;
  readonly shape: WheelShape;
  /** Relations that the guest claims for the libraries that compiled files link to. */
  readonly sharedLibraries: readonly string[];
  readonly official: OfficialNames;
  /** Those of this wheel's claims that clash with what another project has published first, and that project. */
  readonly published: ReadonlyMap<string, string>;
}

export type Kind = 'module' | 'metadata' | 'script' | 'data';

/** A file and where it goes. */
export interface Placed {
  readonly file: WheelFile;
  readonly kind: Kind;
  /** Absolute path in the package. */
  readonly path: string;
  /** For `module` and `metadata`: the path relative to dist-packages, as Python's import system sees it; else ''. */
  readonly site: string;
  /** Why it stands somewhere else than the wheel has it. */
  readonly note?: string;
}

/** A rule on the wheel as a whole; gives the offending fact as the beginning of a sentence, or undefined. */
export interface WheelRule extends Rule {
  finds(context: RuleContext): string | undefined;
}

/** A rule on one file that has found its place. */
export interface FileRule extends Rule {
  finds(placed: Placed, context: RuleContext): string | undefined;
}

/** A file that breaks a rule on all files, and a sentence beginning; no `placed` where it is about all of them. */
export interface TreeFinding {
  readonly placed?: Placed;
  readonly detail: string;
}

/** A rule on all files that are left. */
export interface TreeRule extends Rule {
  finds(placed: readonly Placed[], context: RuleContext): readonly TreeFinding[];
}

export const SITE = '/usr/lib/python3/dist-packages/';
