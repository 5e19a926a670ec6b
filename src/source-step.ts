import { join } from 'node:path';
import { z } from 'zod';
import type { Admitted } from './admit/admission.ts';
import type { AssembledDeb } from './assemble/assemble.ts';
import type { RunningAttempt } from './attempt.ts';
import { parseStanzas } from './debian/deb822.ts';
import { parseRelations } from './debian/relation.ts';
import { RennetError } from './model/errors.ts';
import type { Evidence } from './model/evidence.ts';
import type { Resolution } from './model/recipe.ts';
import type { FlowPorts } from './ports.ts';
import { isLocal } from './python/local-index.ts';
import { parseRequirement } from './python/requirement.ts';
import type { DebianFolder } from './source/debian-folder.ts';
import { layoutOf } from './source/layout.ts';
import { writeSourcePackage } from './source/write.ts';
import { versionEnvironment } from './stage/build-job.ts';
import { programPackages } from './stage/build-programs.ts';

/** What every source package of ours builds with. */
const TOOLS = ['debhelper-compat (= 13)', 'dh-python', 'pybuild-plugin-pyproject'];

/**
 * Writes the source package that was asked for, after the attempt's package is safe. Nothing that goes wrong here changes how the attempt ends:
 * the record says where the `.dsc` is, or why there is none.
 */
export async function writeSource(
  deb: AssembledDeb,
  admitted: Admitted,
  resolution: Resolution,
  evidence: Evidence,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<void> {
  if (ports.sourceFolder === undefined) return;
  const { recipe } = evidence;
  const source = await sourceOf(deb, admitted, resolution, evidence, ports.sourceFolder, attempt, ports, signal).catch(
    (error: unknown) => {
      const reason = error instanceof RennetError ? error.message : `Rennet itself failed: ${String(error)}.`;
      return { sentence: `No source package of ${recipe.project} ${recipe.version} was written: ${reason}` };
    },
  );
  attempt.found.evidence = { ...attempt.found.evidence, source };
}

async function sourceOf(
  deb: AssembledDeb,
  admitted: Admitted,
  resolution: Resolution,
  evidence: Evidence,
  place: string,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<{ sentence: string; dsc?: string }> {
  const { recipe } = evidence;
  if (recipe.source.kind !== 'sdist')
    return {
      sentence: `No source package of ${recipe.project} ${recipe.version} was written: the package was made of a wheel, not of an sdist.`,
    };
  const sdist = join(attempt.folder, 'stage/in/source', recipe.source.filename);
  const [binary] = parseStanzas(deb.control);
  if (binary === undefined) throw new RennetError('defect', `${deb.package} has no control stanza.`);
  const needs = buildNeeds(evidence, admitted.hasElf, attempt, ports);
  const unmet = needs.unmet.map(
    (each) =>
      `The build needs ${each}, which no official package of ${recipe.target.suite} met: dpkg-buildpackage fails until there is one.`,
  );
  const folder: DebianFolder = {
    fields: {
      source: `python-${deb.package.replace(/^python3-/, '')}`,
      version: deb.version,
      maintainer: ports.maintainer,
      buildDepends: needs.packages,
      architecture: deb.architecture === 'all' ? 'all' : 'any',
      binary,
      depends: dependsOf(deb, admitted),
    },
    project: recipe.project,
    release: recipe.version,
    suite: recipe.target.suite,
    epoch: deb.epoch,
    copyright: deb.copyright,
    environment: versionEnvironment(recipe),
    layout: layoutOf(
      admitted.ledger,
      admitted.files.map(({ path }) => path),
    ),
    packages: resolution.met.flatMap(({ project, package: name }) => (name === '' ? [] : [{ project, package: name }])),
    notes: unmet,
  };
  // What people have at home is not for every user of this host.
  const mode = isLocal(recipe.source) ? 0o600 : 0o644;
  const written = await writeSourcePackage(folder, sdist, join(attempt.folder, 'source'), place, mode, signal);
  const pristine = written.isPristine ? '' : ' Its .orig.tar.gz was packed anew, because upstream has no .tar.gz.';
  return { sentence: [`The source package is ${written.dsc}.${pristine}`, ...unmet].join(' '), dsc: written.dsc };
}

/** The relations of the package, without what dh_python3 and dpkg-shlibdeps find out in each build. */
function dependsOf(deb: AssembledDeb, { hasElf, sharedLibraries, pythonBound }: Admitted): string[] {
  const isFound = (relation: string) =>
    sharedLibraries.includes(relation) ||
    (parseRelations(relation)[0]?.[0]?.package === 'python3' && (pythonBound === 'abi' || !relation.includes('(')));
  const variables = ['${misc:Depends}', '${python3:Depends}', ...(hasElf ? ['${shlibs:Depends}'] : [])];
  return [...variables, ...deb.depends.filter((relation) => !isFound(relation))];
}

const provenance = z.object({
  buildRequirements: z.array(
    z.object({ requirement: z.string(), by: z.string(), name: z.string(), version: z.string() }),
  ),
  hints: z.array(z.object({ package: z.string() })).default([]),
});

/** What the build declared and asked for, as official packages, and what was taken from the index. */
function buildNeeds(
  { facts, sources }: Evidence,
  hasElf: boolean,
  attempt: RunningAttempt,
  { archive }: FlowPorts,
): { packages: string[]; unmet: string[] } {
  const { buildRequirements, hints } = provenance.parse(attempt.found.provenance ?? { buildRequirements: [] });
  const official = buildRequirements.filter(({ by, requirement }) => by === 'official' && requirement !== '');
  const projects = official.map(({ requirement }) => parseRequirement(requirement).project);
  const asked = facts.hookRequirements.flatMap(
    (text) => archive.dists(parseRequirement(text).project)[0]?.package ?? [],
  );
  const packages = [
    ...TOOLS,
    hasElf ? 'python3-all-dev' : 'python3-all',
    ...[...official.map(({ name }) => name), ...asked, ...hints.map((hint) => hint.package)].toSorted(),
    ...programPackages(projects, sources?.extensionSources ?? [], archive),
  ];
  const unmet = buildRequirements
    .filter(({ by }) => by !== 'official')
    .map(({ name, version }) => `${name} ${version}`);
  return { packages: [...new Set(packages)], unmet };
}
