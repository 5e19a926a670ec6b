import { quoted } from '../model/text.ts';
import { posix } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { CoreMetadata } from '../model/release.ts';
import { isRequirement, parseEggRequires } from './egg-requires.ts';
import type { BuildSystem } from './build-system.ts';
import { readBuildSystem } from './build-system.ts';
import { parseMetadata } from './metadata.ts';
import { normaliseProject } from '../model/project-name.ts';
import type { TarMember, TarVisitor } from './tar.ts';
import { compareVersions } from './version.ts';
import { badArchive } from './zip-entry.ts';

/** What the host learns from an sdist. All texts and names are hostile. */
export interface SdistFacts {
  /** The one top folder. */
  readonly top: string;
  /** Files and links, with the top folder, in the order of the archive. */
  readonly names: readonly string[];
  /** pyproject.toml's table; undefined where there is none. */
  readonly buildSystem?: BuildSystem;
  readonly hasSetupPy: boolean;
  /** Text of pyproject.toml. */
  readonly pyproject?: string;
  /** PKG-INFO, where it is there and can be read. */
  readonly pkgInfo?: CoreMetadata;
  /** Fields that only a build can tell, lower case (PEP 643); `*` where PKG-INFO is missing or older than 2.2: all of them. */
  readonly dynamic: readonly string[];
  /** What it says that the release requires to run, in PKG-INFO or .egg-info; PEP 508 texts that bind nothing. */
  readonly requires: readonly string[];
  /** Licence texts at the top or in a folder of licences; at most 64 of 256 KiB. */
  readonly licenceFiles: readonly { readonly name: string; readonly text: string }[];
  /** Sources that a compiler makes extension modules of, without the top folder; not those of tests and documentation. */
  readonly extensionSources: readonly string[];
  /** True where the build's own files speak of extension modules, or where its back end makes nothing else. */
  readonly declaresExtension: boolean;
  readonly links: readonly { readonly name: string; readonly target: string }[];
  /** One sentence for each thing that is odd but harmless. */
  readonly notes: readonly string[];
}

export interface SdistReader extends TarVisitor {
  finish(): SdistFacts;
}

const METADATA_BYTES = 8 * 1024 * 1024;
const PYPROJECT_BYTES = 1024 * 1024;
const LICENCE_BYTES = 256 * 1024;
const LICENCE_FILES = 64;
const LICENCE = /^(?:licen[cs]es?\/[^/]+|(?:licen[cs]e|copying|notice)[^/]*)$/i;
const EXTENSION = /\.(?:c|cc|cpp|cxx|cu|f|for|f90|f95|go|m|mm|pyx|rs|s|swg|zig)$/i;
const BUILD_FILES = ['setup.py', 'setup.cfg', 'build.py', 'pyproject.toml'];
const DECLARES_EXTENSION =
  /\bext[_-]modules\b|\bcffi_modules\b|\brust_extensions\b|\bcythonize\b|\bmypycify\b|\bExtension\(/;
const COMPILING_BACK_END = /^(?:maturin|mesonpy|scikit_build_core|py_build_cmake|setuptools_rust)\b/;
const EGG_REQUIRES = /^(?:src\/)?[^/]+\.egg-info\/requires\.txt$/;
const ASIDE = /(?:^|\/)(?:tests?|testing|docs?|examples?|samples?|benchmarks?|fixtures)\//i;

/** Collects the facts member by member; `expected` is the release the index promised. */
export function createSdistReader(expected: { readonly project: string; readonly version: string }): SdistReader {
  const names = new Map<string, TarMember['kind']>();
  const kept = new Map<string, Buffer>();
  const links: { name: string; target: string }[] = [];
  const notes: string[] = [];
  let top: string | undefined;
  const inner = (name: string) => name.slice((top?.length ?? 0) + 1);
  return {
    wanted: (member) => (member.kind === 'file' ? wantedBytes(member, kept.size) : 0),
    take(member, content) {
      const [first = '', ...rest] = member.name.split('/');
      top ??= first;
      if (first !== top || (rest.length === 0 && member.kind !== 'directory')) {
        throw badArchive(`has ${quoted(member.name)} outside of its top folder ${quoted(top)}`);
      }
      if (member.kind === 'directory') return;
      const name = inner(member.name);
      if (names.has(name)) {
        if ((kept.has(name) && LICENCE.test(name)) || isFactFile(name))
          throw badArchive(`has the file ${quoted(member.name)} twice`);
        notes.push(`The sdist has ${quoted(member.name)} twice.`);
      }
      if (member.target !== undefined) links.push(checkLink(member, member.target, top));
      names.set(name, member.kind);
      if (wantedBytes(member, kept.size) > 0) kept.set(name, content);
    },
    finish() {
      if (top === undefined) throw badArchive('is empty');
      const linked = [...names].find(([name, kind]) => isFactFile(name) && kind !== 'file');
      if (linked !== undefined) throw badArchive(`has ${linked[0]} as a link`);
      const pkgInfo = readPkgInfo(kept.get('PKG-INFO'), expected, notes);
      const content = kept.get('pyproject.toml');
      const pyproject = content && readText(content, 'pyproject.toml');
      const buildSystem = pyproject === undefined ? undefined : readBuildSystem(pyproject);
      return {
        top,
        names: [...names.keys()].map((name) => `${top}/${name}`),
        ...(buildSystem !== undefined && { buildSystem }),
        hasSetupPy: names.has('setup.py'),
        ...(pyproject !== undefined && { pyproject }),
        ...(pkgInfo !== undefined && { pkgInfo }),
        dynamic: dynamicFields(pkgInfo),
        requires: requiresOf(pkgInfo, kept),
        licenceFiles: [...kept]
          .filter(([name]) => LICENCE.test(name))
          .map(([name, bytes]) => ({ name, text: bytes.toString('utf8') })),
        extensionSources: [...names.keys()].filter((name) => EXTENSION.test(name) && !ASIDE.test(name)),
        declaresExtension: declaresExtension(kept, buildSystem),
        links,
        notes,
      };
    },
  };
}

/** Read as text: nothing of it is run. A list that a condition leaves empty counts as declared. */
function declaresExtension(kept: ReadonlyMap<string, Buffer>, buildSystem: BuildSystem | undefined): boolean {
  if (COMPILING_BACK_END.test(buildSystem?.backend ?? '')) return true;
  return BUILD_FILES.some((name) => DECLARES_EXTENSION.test(kept.get(name)?.toString('utf8') ?? ''));
}

/** Setuptools writes them into PKG-INFO since 68 only, before that beside it. */
function requiresOf(pkgInfo: CoreMetadata | undefined, kept: ReadonlyMap<string, Buffer>): string[] {
  const told = pkgInfo?.requiresDist ?? [];
  if (told.length > 0) return told.filter(isRequirement);
  const egg = [...kept].find(([name]) => EGG_REQUIRES.test(name));
  return egg === undefined ? [] : parseEggRequires(egg[1].toString('utf8'));
}

function isFactFile(name: string): boolean {
  return name === 'PKG-INFO' || name === 'pyproject.toml';
}

/** How much of a file is read; licence texts beyond the bounds are left out, the others must be small. */
function wantedBytes(member: TarMember, keptSoFar: number): number {
  if (member.kind !== 'file') return 0;
  const name = member.name.slice(member.name.indexOf('/') + 1);
  if (name === 'PKG-INFO') return METADATA_BYTES;
  if (name === 'pyproject.toml') return PYPROJECT_BYTES;
  if (BUILD_FILES.includes(name)) return member.bytes <= PYPROJECT_BYTES ? PYPROJECT_BYTES : 0;
  if (EGG_REQUIRES.test(name)) return member.bytes <= LICENCE_BYTES ? LICENCE_BYTES : 0;
  const fits = member.bytes <= LICENCE_BYTES && keptSoFar < LICENCE_FILES;
  return LICENCE.test(name) && fits ? LICENCE_BYTES : 0;
}

/** Real sdists hold links; they stay as long as they do not leave the top folder. */
function checkLink(member: TarMember, target: string, top: string): { name: string; target: string } {
  const from = member.kind === 'symlink' ? posix.dirname(member.name) : '.';
  const resolved = posix.normalize(posix.join(from, target));
  const inside = resolved === top || resolved.startsWith(`${top}/`);
  if (target === '' || target.startsWith('/') || !inside || /\p{Cc}/u.test(target)) {
    throw badArchive(`has the link ${quoted(member.name)} to ${quoted(target)}, outside of its top folder`);
  }
  return { name: member.name, target };
}

/** A broken PKG-INFO is noted: the build makes the metadata anew. One of another release is refused. */
function readPkgInfo(
  bytes: Buffer | undefined,
  expected: { readonly project: string; readonly version: string },
  notes: string[],
): CoreMetadata | undefined {
  if (bytes === undefined) return undefined;
  let metadata: CoreMetadata;
  try {
    const { notes: found, ...rest } = parseMetadata(bytes);
    notes.push(...found);
    metadata = rest;
  } catch (error) {
    if (!(error instanceof RennetError)) throw error;
    notes.push(`PKG-INFO was not read. ${error.message}`);
    return undefined;
  }
  const sameProject = normaliseProject(metadata.name) === normaliseProject(expected.project);
  if (sameProject && compareVersions(metadata.version, expected.version) === 0) return metadata;
  const inside = `${metadata.name} ${metadata.version}`;
  throw new RennetError(
    'bad-metadata',
    `The sdist of ${expected.project} ${expected.version} says inside that it is ${inside}.`,
  );
}

function dynamicFields(pkgInfo: CoreMetadata | undefined): readonly string[] {
  if (pkgInfo === undefined || compareVersions(pkgInfo.metadataVersion, '2.2') < 0) return ['*'];
  return pkgInfo.dynamic;
}

function readText(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RennetError('bad-metadata', `${name} of the sdist is not UTF-8.`);
  }
}
