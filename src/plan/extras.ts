import type { TargetFacts } from '../model/target.ts';
import { evaluateMarker, markerEnvironment, parseRequirement, type Requirement } from '../python/requirement.ts';

/** Requires-Dist of a release as far as it is known without a build; looked up before the resolver runs. */
export type ReleaseRequirements = (project: string, version: string) => readonly string[] | undefined;

/**
 * What extras of a project bring beside what it requires anyway, without markers. An extra that names others of the same
 * project (`foo[all]` → `foo[a,b]`) brings what those bring. Texts that cannot be read bring nothing.
 */
export function extraRequirements(
  project: string,
  requirements: readonly string[],
  extras: readonly string[],
  facts: TargetFacts,
): Requirement[] {
  const environment = markerEnvironment(facts);
  const active = new Set(extras);
  const read = requirements.flatMap(readable);
  const brought: Requirement[] = [];
  // A set may grow while it is walked through; each extra is visited once.
  for (const extra of active) {
    for (const { marker, ...requirement } of read) {
      if (evaluateMarker(marker, environment) || !evaluateMarker(marker, environment, extra)) continue;
      if (requirement.project !== project) brought.push(requirement);
      else for (const more of requirement.extras) active.add(more);
    }
  }
  return brought;
}

/** A requirement as PEP 508 text, without its marker. */
export function formatRequirement({ project, extras, specifier, url }: Requirement): string {
  const named = extras.length === 0 ? project : `${project}[${extras.join(',')}]`;
  return url === undefined ? `${named}${specifier}` : `${named} @ ${url}`;
}

function readable(text: string): Requirement[] {
  try {
    const requirement = parseRequirement(text);
    evaluateMarker(requirement.marker, ANY_ENVIRONMENT);
    return [requirement];
  } catch {
    return [];
  }
}

const ANY_ENVIRONMENT = markerEnvironment({ python: '3.11', pythonFull: '3.11.0', architecture: 'amd64' });
