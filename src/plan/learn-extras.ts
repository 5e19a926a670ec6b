import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { TargetFacts } from '../model/target.ts';
import { evaluateMarker, markerEnvironment, parseRequirement, type Requirement } from '../python/requirement.ts';
import { extraRequirements } from './extras.ts';
import type { IndexFacts } from './index-facts.ts';
import { chooseOfficial } from './official.ts';
import { newestOf, pythonVersionOf } from './own.ts';
import type { PublishedPackage } from './ports.ts';

/** `foo[bar]` that brings `baz[qux]` that brings … */
const MAX_DEPTH = 5;

/**
 * Looks up what extras bring that requirements name (`foo[bar]`), for projects that are there already: official ones and
 * `published` ones. Afterwards `facts.requirementsOf` knows it as far as the index does.
 */
export async function learnExtras(
  requirements: readonly string[],
  archive: ArchiveIndex,
  published: readonly PublishedPackage[],
  target: TargetFacts,
  facts: IndexFacts,
): Promise<void> {
  const environment = markerEnvironment(target);
  const active = requirements.flatMap((text) => {
    try {
      const requirement = parseRequirement(text);
      return requirement.extras.length > 0 && evaluateMarker(requirement.marker, environment) ? [requirement] : [];
    } catch {
      return [];
    }
  });
  await learnAll(active, 0);

  async function learnAll(wanted: readonly Requirement[], depth: number): Promise<void> {
    if (depth === MAX_DEPTH) return;
    await Promise.all(
      wanted.map(async ({ project, specifier, extras }) => {
        const own = chooseOwn(project);
        const version = own ? pythonVersionOf(own.upstream) : chooseOfficial(archive, project, specifier)?.upstream;
        if (extras.length === 0 || version === undefined) return;
        await facts.learn(project, version, own);
        await learnAll(
          extraRequirements(project, facts.requirementsOf(project, version) ?? [], extras, target),
          depth + 1,
        );
      }),
    );
  }

  function chooseOwn(project: string): PublishedPackage | undefined {
    return archive.dists(project).length > 0 ? undefined : newestOf(published, project);
  }
}
