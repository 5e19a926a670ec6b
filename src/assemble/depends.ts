import type { ArchiveIndex } from '../debian/archive-index.ts';
import { formatRelation, parseRelation } from '../debian/relation.ts';
import type { MetRequirement } from '../model/recipe.ts';
import type { TargetFacts } from '../model/target.ts';
import { evaluateMarker, markerEnvironment, parseRequirement } from '../python/requirement.ts';
import type { AdmittedTree } from './admitted-tree.ts';

/**
 * Depends in a fixed order: the interpreter, the requirements as resolved, the shared libraries. `pythonBounds` are the
 * relations on `python3:any` that Requires-Python asks for.
 */
export function dependsOf(
  tree: Pick<AdmittedTree, 'hasElf' | 'pythonBound' | 'sharedLibraries'>,
  met: readonly MetRequirement[],
  pythonBounds: readonly string[],
  facts: TargetFacts,
): string[] {
  const relations = [
    ...interpreterRelations(tree, pythonBounds, facts),
    ...met.flatMap((requirement) => requirement.relations),
    ...(tree.hasElf ? tree.sharedLibraries.toSorted() : []),
  ];
  return [...new Set(relations)];
}

/** Pure code runs on the Python of any architecture; compiled code needs its own, and only ABI-bound code one version of it. */
function interpreterRelations(
  { hasElf, pythonBound }: Pick<AdmittedTree, 'hasElf' | 'pythonBound'>,
  pythonBounds: readonly string[],
  facts: TargetFacts,
): string[] {
  const wanted = pythonBounds.map((text) => parseRelation(text)).filter(({ bound }) => bound !== undefined);
  const own = wanted.map((relation) =>
    formatRelation({ ...relation, package: 'python3', qualifier: hasElf ? undefined : 'any' }),
  );
  if (pythonBound === 'abi') {
    const [major = '3', minor = '0'] = facts.python.split('.');
    // The ABI bounds are tighter than anything that Requires-Python can say about the same minor version but its micro part.
    own.push(`python3 (>= ${facts.python}~)`, `python3 (<< ${major}.${Number(minor) + 1}~~)`);
  }
  return own.length > 0 ? own : [hasElf ? 'python3' : 'python3:any'];
}

/** An official package that the package suggests, and what asks for it. */
export interface Suggestion {
  readonly package: string;
  /** The requirement as upstream wrote it. */
  readonly requirement: string;
  /** The extras that need it, as the release names them. */
  readonly extras: readonly string[];
}

/** Official packages for requirements that only an extra asks for; what cannot be read has its ledger line already. */
export function suggestionsOf(
  tree: Pick<AdmittedTree, 'metadata'>,
  facts: TargetFacts,
  archive: Pick<ArchiveIndex, 'dists'>,
  depends: readonly string[],
): Suggestion[] {
  const environment = markerEnvironment(facts);
  const needed = new Set(depends.map((relation) => parseRelation(relation).package));
  return tree.metadata.requiresDist.flatMap((requirement) => {
    try {
      const { project, marker } = parseRequirement(requirement);
      if (evaluateMarker(marker, environment)) return [];
      const extras = tree.metadata.providesExtra.filter((extra) => evaluateMarker(marker, environment, extra));
      const [dist] = extras.length > 0 ? archive.dists(project) : [];
      return dist === undefined || needed.has(dist.package) ? [] : [{ package: dist.package, requirement, extras }];
    } catch {
      return [];
    }
  });
}

/** Package names, sorted, each once. */
export function packagesOf(suggestions: readonly Suggestion[]): string[] {
  return [...new Set(suggestions.map((suggestion) => suggestion.package))].toSorted();
}
