import type { BuiltSources } from '../../model/evidence.ts';
import type { CoreMetadata } from '../../model/release.ts';
import type { FailureClass, LedgerLine } from '../../model/outcome.ts';
import type { TargetFacts } from '../../model/target.ts';
import type { CheckFacts } from '../facts.ts';
import type { UpstreamWheel } from '../upstream.ts';

/** One thing that a package must show before it is published. */
export interface CheckRule {
  readonly name: string;
  /** What is true of a package that passes. */
  readonly proves: string;
  /** Where that is written: PEP, policy, man page. */
  readonly source: string;
  readonly class: FailureClass;
}

export interface Findings {
  /** One sentence; ends the attempt as `check-failed`. */
  readonly defect?: string;
  /** Sentences about what is odd and no defect. */
  readonly notes?: readonly string[];
  /** Upstream facts that the package lacks with good reason. */
  readonly ledger?: readonly LedgerLine[];
}

/** A rule on the package as a tree, before any guest starts. Pure. */
export interface TreeRule extends CheckRule {
  look(tree: CheckedTree): Findings;
}

/** A rule on what a guest found out. Pure. */
export interface GuestRule extends CheckRule {
  look(facts: CheckFacts, tree: CheckedTree): Findings;
}

/** A package that waits for its check, and what it is compared with. All names and texts are hostile. */
export interface CheckedTree {
  readonly project: string;
  readonly version: string;
  readonly package: string;
  readonly target: TargetFacts;
  readonly metadata: CoreMetadata;
  /** Of the package. */
  readonly files: readonly { readonly path: string; readonly elf: boolean }[];
  /** Members of its wheel, whether they are in the package or were left out by a rule of admission. */
  readonly members: readonly string[];
  /** As admission writes them: `name = module:attribute` for commands, `line [group]` for all others. */
  readonly entryPoints: readonly string[];
  /** What a guest imports, dotted. */
  readonly modules: readonly string[];
  /** Absolute paths of all commands. */
  readonly scripts: readonly string[];
  /** Files whose code names a folder of the build, with the line. */
  readonly buildPaths: readonly { readonly path: string; readonly line: string }[];
  /** Undefined where no sdist was built. */
  readonly sources?: BuiltSources;
  /** `pure`: the release has a wheel for any platform; `compiled`: it has wheels and none of them is. */
  readonly published: 'none' | 'pure' | 'compiled';
  /** The wheel that upstream's own build gave, where one can be compared. */
  readonly upstream?: UpstreamWheel;
  /** Projects of Rennet's own packages that must be found, with their specifiers. */
  readonly ownRequirements: readonly { readonly project: string; readonly specifier: string }[];
  /** The extra that brings a module, where one does. */
  readonly extraOf: (module: string) => string | undefined;
}

/** A few of many names, as a part of a sentence; without control characters and bounded. */
export function some(names: readonly string[], shown = 5): string {
  const first = names.slice(0, shown).map((name) => name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?').slice(0, 120));
  const more = names.length - first.length;
  return more > 0 ? `${first.join(', ')} and ${more} more` : first.join(', ');
}
