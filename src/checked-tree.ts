import type { Admitted } from './admit/admission.ts';
import { findBuildPaths } from './check/build-paths.ts';
import type { CheckedTree } from './check/rules/rule.ts';
import { publishedAs, readUpstream, referenceWheel, type UpstreamWheel } from './check/upstream.ts';
import type { Evidence } from './model/evidence.ts';
import { normaliseProject } from './model/project-name.ts';
import type { FlowPorts } from './ports.ts';
import { evaluateMarker, markerEnvironment, parseRequirement } from './python/requirement.ts';

/**
 * All that the check knows of a package before a guest starts, upstream's own wheel of the release included. `notes` say why
 * nothing could be compared. RennetError where the index cannot be asked.
 */
export async function checkedTree(
  admitted: Admitted,
  { recipe, sources }: Evidence,
  { archive, index }: Pick<FlowPorts, 'archive' | 'index'>,
  signal: AbortSignal,
): Promise<{ tree: CheckedTree; notes: readonly string[] }> {
  const { project, version, target, wheels } = recipe;
  const { metadata, ledger } = admitted;
  const elf = new Set(admitted.elf.map(({ path }) => path));
  const { upstream, notes } = sources
    ? await upstreamOf(admitted, { recipe }, index, signal)
    : { upstream: undefined, notes: [] };
  const tree: CheckedTree = {
    project,
    version,
    package: recipe.package,
    target,
    metadata,
    files: admitted.files.map(({ path }) => ({ path, elf: elf.has(path) })),
    members: ledger.flatMap(({ kind, fact }) => (kind === 'file' ? [fact] : [])),
    // Lines of the script groups that name no command and callable keep their group: nothing can be looked for by them.
    entryPoints: ledger.flatMap(({ kind, fact }) =>
      kind === 'entry-point' && !/\[(?:console|gui)_scripts\]$/.test(fact) ? [fact] : [],
    ),
    modules: admitted.modules,
    scripts: admitted.programs,
    buildPaths: sources ? await findBuildPaths(admitted.files, sources.top, signal) : [],
    published: publishedAs(project, wheels),
    ownRequirements: [],
    extraOf: (module) => extraOf(module, admitted, { recipe }, archive),
    ...(sources && { sources }),
    ...(upstream && { upstream }),
  };
  return { tree, notes };
}

async function upstreamOf(
  { elf, files, metadata }: Admitted,
  { recipe }: Pick<Evidence, 'recipe'>,
  index: FlowPorts['index'],
  signal: AbortSignal,
): Promise<{ upstream?: UpstreamWheel; notes: string[] }> {
  const { project, version, wheels, target } = recipe;
  const reference = referenceWheel(project, wheels, target, elf.length > 0);
  if (reference === undefined)
    return { notes: [`The index has no wheel of ${metadata.name} ${version} that could be compared.`] };
  const own = files.find(({ path }) => path.endsWith('.dist-info/entry_points.txt'))?.sha256;
  const hash = own === undefined ? undefined : Buffer.from(own, 'hex').toString('base64url');
  const upstream = await readUpstream(reference, project, hash, index, signal);
  return 'unread' in upstream ? { notes: [upstream.unread] } : { upstream, notes: [] };
}

/** The extra whose requirement is the project of a module: by its name, or because the suite has both in one package. */
function extraOf(
  module: string,
  { metadata }: Admitted,
  { recipe }: Pick<Evidence, 'recipe'>,
  archive: Pick<FlowPorts['archive'], 'dists' | 'moduleOwner'>,
): string | undefined {
  const environment = markerEnvironment(recipe.target);
  const path = module.replaceAll('.', '/');
  const owner = archive.moduleOwner(`${path}.py`) ?? archive.moduleOwner(`${path}/__init__.py`);
  for (const text of metadata.requiresDist) {
    try {
      const { project, marker } = parseRequirement(text);
      if (evaluateMarker(marker, environment)) continue;
      const brings =
        project === normaliseProject(module.split('.')[0] ?? '') ||
        (owner !== undefined && archive.dists(project).some((dist) => dist.package === owner));
      const extra = metadata.providesExtra.find((name) => evaluateMarker(marker, environment, name));
      if (brings && extra !== undefined) return extra;
    } catch {
      // The resolver has a line for what cannot be read.
    }
  }
  return undefined;
}
