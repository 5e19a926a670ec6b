import { parse } from 'smol-toml';
import { z } from 'zod';
import { normaliseProject } from '../model/project-name.ts';
import { isDeveloperGroup, isTestGroup } from './select.ts';

/** Where a release says what its tests need. */
export interface DeclaredTests {
  /** Extras of the release, as written. */
  readonly extras: readonly string[];
  /** PEP 508 texts of its dependency groups (PEP 735), as written. */
  readonly requirements: readonly string[];
}

const groups = z.object({
  'dependency-groups': z
    .record(z.string(), z.array(z.union([z.string(), z.object({ 'include-group': z.string() })])).max(1000))
    .optional(),
});

/**
 * The extras and dependency groups that tests need: those called tests, else those of developers. `pyproject` is hostile text; one that cannot be
 * read declares nothing: the build judges it.
 */
export function declaredTests(providesExtra: readonly string[], pyproject: string | undefined): DeclaredTests {
  const tables = readGroups(pyproject);
  for (const isWanted of [isTestGroup, isDeveloperGroup]) {
    const extras = providesExtra.filter(isWanted);
    const named = [...tables.keys()].filter(isWanted);
    if (extras.length > 0 || named.length > 0) return { extras, requirements: contentOf(named, tables) };
  }
  return { extras: [], requirements: [] };
}

type Groups = ReadonlyMap<string, readonly (string | { 'include-group': string })[]>;

function readGroups(pyproject: string | undefined): Groups {
  try {
    const read = groups.safeParse(parse(pyproject ?? '', { integersAsBigInt: 'asNeeded' }));
    const table = read.success ? (read.data['dependency-groups'] ?? {}) : {};
    return new Map(Object.entries(table).map(([name, content]) => [normaliseProject(name), content]));
  } catch {
    return new Map();
  }
}

/** Groups with what they include; each once, so that a circle ends. */
function contentOf(names: readonly string[], tables: Groups): string[] {
  const found = new Set<string>();
  const seen = new Set(names);
  for (const name of seen)
    for (const entry of tables.get(name) ?? [])
      if (typeof entry === 'string') found.add(entry);
      else seen.add(normaliseProject(entry['include-group']));
  return [...found];
}
