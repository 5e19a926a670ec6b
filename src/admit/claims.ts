import { namesAbove } from '../model/claim.ts';
import type { Recipe } from '../model/recipe.ts';
import { quoted } from '../model/text.ts';
import { ownedModules } from './modules.ts';
import type { Placed } from './rules/rule.ts';

/** A folder in /usr/share that is one project's alone, claimed as a whole: not one of those that src/admit/place-data.ts shares. */
const OWN_FOLDER =
  /^\/usr\/share\/(?!(?:applications|bash-completion|doc|fish|icons|jupyter|locale|man|metainfo|pixmaps)\/)[^/]+(?=\/)/;

/**
 * All that a tree claims (model/claim.ts): its modules, and the paths that are neither covered by one of them nor the
 * package's own by its name, such as commands, manual pages, stubs and data files of a namespace.
 */
export function claimsOf(placed: readonly Placed[], recipe: Recipe): string[] {
  const modules = ownedModules(placed);
  const covering = new Set(modules);
  const own = [`/usr/share/${recipe.package}/`, `/usr/share/doc/${recipe.package}/`];
  const paths = placed.flatMap(({ kind, path, site }) => {
    const covered =
      kind === 'metadata' ||
      own.some((folder) => path.startsWith(folder)) ||
      (kind === 'module' && namesAbove(site.replace(/(?:\.[A-Za-z0-9_-]+)*$/, '')).some((name) => covering.has(name)));
    return covered ? [] : [OWN_FOLDER.exec(path)?.[0] ?? path];
  });
  return [...modules, ...new Set(paths)].toSorted();
}

export type ClaimRule = 'published-module' | 'published-program' | 'published-path';

/** The rule that holds a wheel which claims what another project has published. */
export function claimRule(claim: string): ClaimRule {
  if (!claim.startsWith('/')) return 'published-module';
  return claim.startsWith('/usr/bin/') ? 'published-program' : 'published-path';
}

/** What is wrong with such a claim, as the beginning of a sentence. */
export function clashDetail(claim: string, owner: string): string {
  if (claim.startsWith('/')) return `${quoted(claim)} belongs to the project ${owner}`;
  return `the module ${quoted(claim)} belongs to, or takes the place of one of, the project ${owner}`;
}
