import { normaliseProject } from '../model/project-name.ts';
import type { CoreMetadata } from '../model/release.ts';
import type { TargetFacts } from '../model/target.ts';
import type { EntryPoints } from '../python/entry-points.ts';
import { evaluateMarker, markerEnvironment, parseRequirement } from '../python/requirement.ts';

/** Requirements of `upstream` that hold on the target and whose project `own` does not require there. */
export function lostRequirements(upstream: CoreMetadata, own: CoreMetadata, target: TargetFacts): string[] {
  const kept = new Set(inForce(own, target).map(({ project }) => project));
  return inForce(upstream, target).flatMap(({ project, text }) => (kept.has(project) ? [] : [text]));
}

function inForce({ requiresDist }: CoreMetadata, target: TargetFacts): { project: string; text: string }[] {
  const environment = markerEnvironment(target);
  return requiresDist.flatMap((text) => {
    try {
      const { project, marker } = parseRequirement(text);
      return evaluateMarker(marker, environment) ? [{ project, text }] : [];
    } catch {
      // What nobody can read binds nobody.
      return [];
    }
  });
}

export function lostExtras(upstream: CoreMetadata | undefined, own: CoreMetadata): string[] {
  const kept = new Set(own.providesExtra.map(normaliseProject));
  return (upstream?.providesExtra ?? []).filter((extra) => !kept.has(normaliseProject(extra)));
}

/** Entry points of upstream, as `name [group]`, that are not among `own` (lines as admission writes them). */
export function lostEntryPoints(upstream: EntryPoints | undefined, own: readonly string[]): string[] {
  if (upstream === undefined) return [];
  const kept = new Set(own.map(entryPointOf).map(({ name, group }) => `${name} [${group}]`));
  const scripts = [...upstream.consoleScripts, ...upstream.guiScripts].map(({ name }) => `${name} [${SCRIPTS}]`);
  const others = [...upstream.others].flatMap(([group, lines]) =>
    lines.map((line) => `${line.split('=')[0]?.trim() ?? ''} [${group}]`),
  );
  return [...scripts, ...others].filter((entryPoint) => !kept.has(entryPoint));
}

/**
 * Entry points whose module lies in a regular package of ours and is not there. A namespace may have it from another
 * distribution, and what belongs to none of our packages is not ours to find.
 */
export function untargetedEntryPoints(own: readonly string[], members: readonly string[]): string[] {
  const places = members.map((member) => member.replace(/^[^/]+\.data\/(?:purelib|platlib)\//, ''));
  const modules = new Set<string>();
  for (const place of places) {
    const folders = place.split('/').slice(0, -1);
    for (let depth = 1; depth <= folders.length; depth += 1) modules.add(folders.slice(0, depth).join('/'));
    modules.add(place.replace(/(?:\.py|(?:\.[A-Za-z0-9_-]+)?\.so)$/, ''));
  }
  return own.filter((line) => {
    const path = entryPointOf(line).module.replaceAll('.', '/');
    const [top = ''] = path.split('/');
    return modules.has(`${top}/__init__`) && !modules.has(path);
  });
}

const SCRIPTS = 'scripts';

/** Reads `name = module:attribute`, which is a command, and `name = module:attribute [extras] [group]`. */
function entryPointOf(line: string): { name: string; module: string; group: string } {
  const [, name = line, value = '', group = SCRIPTS] = /^([^=]*?)\s*=\s*(.*?)(?:\s*\[([^\]]*)\])?$/.exec(line) ?? [];
  return { name: name.trim(), module: /^[\w.]*/.exec(value)?.[0] ?? '', group };
}
