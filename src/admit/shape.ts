import { normaliseProject } from '../model/project-name.ts';
import type { Recipe } from '../model/recipe.ts';
import type { OfficialNames } from './admission.ts';
import { distributionCommand } from './distribution-commands.ts';
import { GENERIC_NAMES } from '../model/generic-names.ts';
import type { WheelFacts } from './wheel-report.ts';

/** What rules ask of the wheel as a whole, worked out once. */
export interface WheelShape {
  /** Folders below dist-packages whose `__init__.py` is left out, so that they become namespaces (PEP 420). */
  readonly namespaces: ReadonlySet<string>;
  /** Commands of its own that the distribution does not have; a private build may have those too. */
  readonly commands: ReadonlySet<string>;
  /** The project and its top-level modules, normalised: what its folders may be called. */
  readonly ownNames: ReadonlySet<string>;
}

/** Where the members of a wheel's `.data` folder stand: `key/rest`, undefined for all other members. */
export function dataPath(name: string, distInfo: string): { key: string; rest: string } | undefined {
  const folder = distInfo.replace(/\.dist-info$/, '.data/');
  if (!name.startsWith(folder)) return undefined;
  const inside = name.slice(folder.length);
  const slash = inside.indexOf('/');
  return slash <= 0 ? { key: '', rest: inside } : { key: inside.slice(0, slash), rest: inside.slice(slash + 1) };
}

/** Pure; linear in the members. */
export function shapeOf(
  facts: Pick<WheelFacts, 'files' | 'distInfo' | 'scripts' | 'namespaces'>,
  recipe: Pick<Recipe, 'project' | 'package' | 'forceOfficial'>,
  official: Pick<OfficialNames, 'programOwner' | 'isNamespace' | 'moduleOwner' | 'stdlibModules'>,
): WheelShape {
  const commands = new Set(facts.scripts.map(({ name }) => name));
  const inits = new Map<string, 'namespace' | 'nothing' | undefined>();
  const tops = new Set<string>();
  for (const { name, init } of facts.files) {
    const data = dataPath(name, facts.distInfo);
    const command =
      data?.key === 'scripts' ? data.rest : data?.key === 'data' ? /^bin\/(.+)$/.exec(data.rest)?.[1] : '';
    if (command !== undefined && command !== '' && !command.includes('/')) commands.add(command);
    const site = data === undefined || data.key === 'purelib' || data.key === 'platlib' ? (data?.rest ?? name) : '';
    if (site.endsWith('/__init__.py')) inits.set(site.slice(0, -'/__init__.py'.length), init);
    const top = /^([^/.]+)(?:\.py$|\/)/.exec(site)?.[1];
    if (top !== undefined && isOwnTop(top, official)) tops.add(normaliseProject(top));
  }
  for (const command of commands)
    if (!recipe.forceOfficial && distributionCommand(command, official) !== undefined) commands.delete(command);
  return {
    namespaces: namespacesOf(inits, new Set(facts.namespaces), official),
    commands,
    ownNames: new Set([recipe.project, recipe.package, ...tops]),
  };
}

/** A folder of the distribution's module is not this project's, even where the wheel carries it. */
function isOwnTop(top: string, { moduleOwner, isNamespace, stdlibModules }: Parameters<typeof shapeOf>[2]): boolean {
  const isFree = !GENERIC_NAMES.has(top.toLowerCase()) && !stdlibModules.has(top);
  return isFree && moduleOwner(top) === undefined && !isNamespace(top);
}

/** The folders that only declare, as long as everything above them is a namespace too: shorter names come first. */
function namespacesOf(
  inits: ReadonlyMap<string, 'namespace' | 'nothing' | undefined>,
  listed: ReadonlySet<string>,
  { isNamespace }: Pick<OfficialNames, 'isNamespace'>,
): Set<string> {
  const found = new Set<string>();
  for (const [folder, init] of [...inits].toSorted(([a], [b]) => a.length - b.length)) {
    const declares = init === 'namespace' || (init === 'nothing' && (listed.has(folder) || isNamespace(folder)));
    const parent = folder.slice(0, Math.max(folder.lastIndexOf('/'), 0));
    if (declares && (parent === '' || found.has(parent) || !inits.has(parent))) found.add(folder);
  }
  return found;
}
