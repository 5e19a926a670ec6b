import type { CoreMetadata } from '../model/release.ts';
import { ARCHITECTURES, type Architecture, type TargetFacts } from '../model/target.ts';
import { evaluateMarker, markerEnvironment, parseRequirement } from '../python/requirement.ts';

/**
 * The Architecture of a package (policy 5.6.8): the target's own where it holds compiled code, or where its markers ask for other
 * requirements on another architecture of the suite; else one package serves all of them.
 */
export function architectureOf(
  tree: { readonly hasElf: boolean; readonly metadata: Pick<CoreMetadata, 'requiresDist'> },
  target: TargetFacts,
): Architecture | 'all' {
  const own = requiredOn(tree.metadata, target);
  const same = ARCHITECTURES.every((architecture) => requiredOn(tree.metadata, { ...target, architecture }) === own);
  return tree.hasElf || !same ? target.architecture : 'all';
}

function requiredOn({ requiresDist }: Pick<CoreMetadata, 'requiresDist'>, target: TargetFacts): string {
  const environment = markerEnvironment(target);
  return JSON.stringify(requiresDist.filter((text) => isRequired(text, environment)));
}

function isRequired(text: string, environment: ReturnType<typeof markerEnvironment>): boolean {
  try {
    return evaluateMarker(parseRequirement(text).marker, environment);
  } catch {
    // The resolver has a line for what cannot be read.
    return false;
  }
}
