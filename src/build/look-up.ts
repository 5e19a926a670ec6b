import type { Deb } from '../debian/apt.ts';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import { filesFor, rankOwners } from '../debian/development.ts';
import { RennetError } from '../model/errors.ts';
import { describeMissing, type Missing } from '../model/missing.ts';

export interface LookUpPorts {
  readonly archive: Pick<
    ArchiveIndex,
    'facts' | 'developmentFiles' | 'moduleOwner' | 'fileOwner' | 'hasPackage' | 'packageVersion'
  >;
  /** What apt would add to the build image for these relations; RennetError `unmet-relations`. */
  readonly closure: (relations: readonly string[]) => Promise<readonly Deb[]>;
  /** Packages that the build has already. */
  readonly present: ReadonlySet<string>;
}

/** `package`: an official one that has it and that the build lacks. The sentence says what was found, in any case. */
export interface LookUp {
  readonly missing: Missing;
  readonly package?: string;
  readonly sentence: string;
}

/** Of equal candidates this many are weighed; apt needs half a second for each. */
const WEIGHED = 6;

/**
 * Looks for the official package that has what a build missed: by the suite's Contents index only, so that a name in a hostile
 * log leads to nothing but a package of the distribution. Of equal ones the smallest that apt can add to the build image.
 */
export async function lookUp(missing: Missing, ports: LookUpPorts, signal: AbortSignal): Promise<LookUp> {
  const { archive, present } = ports;
  const { suite } = archive.facts;
  const groups = (await owners(missing, ports, signal)).map((group) =>
    group.filter((name) => archive.hasPackage(name)),
  );
  const candidates = groups.flat();
  const [there] = candidates.filter((name) => present.has(name));
  if (there !== undefined) {
    const sentence = `${there} of ${suite} has the ${describeMissing(missing)} and is there, which does not help.`;
    return { missing, sentence };
  }
  for (const group of groups) {
    const best = await smallest(group.slice(0, WEIGHED), ports.closure);
    if (best !== undefined)
      return { missing, package: best, sentence: `${best} of ${suite} has the ${describeMissing(missing)}.` };
  }
  const none = candidates.length === 0;
  if (none && missing.kind === 'module') return { missing, sentence: noModule(missing.name, suite) };
  const sentence = none
    ? `No package of ${suite} has the ${describeMissing(missing)}.`
    : `${candidates[0]} of ${suite} has the ${describeMissing(missing)}, but cannot be installed beside the compilers.`;
  return { missing, sentence };
}

/** Which project of the index has it only a person can say. */
function noModule(name: string, suite: string): string {
  return `No package of ${suite} has the Python module ${name}; where a project of the index has it, rennet hints add --build-requirement names that.`;
}

async function owners(missing: Missing, ports: LookUpPorts, signal: AbortSignal): Promise<string[][]> {
  const { archive } = ports;
  if (missing.kind === 'module') return ownersOfModule(missing.name, archive);
  if (missing.kind === 'shared-library') return ownersOfLibrary(missing.name, archive);
  const endings = filesFor(missing);
  if (endings.length === 0) return [];
  const files = await archive.developmentFiles((path) => endings.some((text) => path.endsWith(`/${text}`)), signal);
  const names = new Set(files.map((file) => file.package));
  const tellers = missing.kind === 'header' ? await thoseThatTell(names, archive, signal) : names;
  return rankOwners(missing, files, (name) => tellers.has(name));
}

/** Those of the packages that tell compilers a folder of their own: by pkg-config or a `…-config` program. */
async function thoseThatTell(
  names: ReadonlySet<string>,
  archive: LookUpPorts['archive'],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (names.size === 0) return names;
  const tells = (path: string, owner: string) => names.has(owner) && /\.pc$|[-_]config$/.test(path);
  return new Set((await archive.developmentFiles(tells, signal)).map((file) => file.package));
}

const MODULE = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,9}$/;

/** The suite's package of a module; never one of the index: that a project has a module's name says nothing about who owns it. */
function ownersOfModule(name: string, archive: LookUpPorts['archive']): string[][] {
  if (!MODULE.test(name)) return [];
  const folder = '/usr/lib/python3/dist-packages/';
  const owner =
    archive.moduleOwner(name.replaceAll('.', '/')) ??
    // Python 3.12 removed it; setuptools puts its own copy in the place when the interpreter starts.
    (/^distutils\b/.test(name) ? archive.fileOwner(`${folder}distutils-precedence.pth`) : undefined);
  return owner === undefined ? [] : [[owner]];
}

const TRIPLETS: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', i386: 'i386' };

function ownersOfLibrary(name: string, archive: LookUpPorts['archive']): string[][] {
  if (!/^lib[\w.+-]{1,100}$/.test(name)) return [];
  const triplet = `${TRIPLETS[archive.facts.architecture] ?? archive.facts.architecture}-linux-gnu`;
  const folders = [`/usr/lib/${triplet}`, `/lib/${triplet}`, '/usr/lib', '/lib'];
  const owner = folders.map((folder) => archive.fileOwner(`${folder}/${name}`)).find((found) => found !== undefined);
  return owner === undefined ? [] : [[owner]];
}

/** The one that brings the fewest bytes, then the first by name; undefined where apt can add none. */
async function smallest(names: readonly string[], closure: LookUpPorts['closure']): Promise<string | undefined> {
  let best: { name: string; bytes: number } | undefined;
  for (const name of names.toSorted()) {
    const debs = await closure([name]).catch((error: unknown) => {
      if (error instanceof RennetError && error.code === 'unmet-relations') return undefined;
      throw error;
    });
    if (debs === undefined) continue;
    const bytes = debs.reduce((sum, deb) => sum + deb.bytes, 0);
    if (best === undefined || bytes < best.bytes) best = { name, bytes };
  }
  return best?.name;
}
