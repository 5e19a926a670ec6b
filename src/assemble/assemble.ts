import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import { architectureOf } from './architecture.ts';
import { changelogText } from '../debian/changelog.ts';
import { descriptionFrom, writeControl } from '../debian/control.ts';
import { installedSizeKiB, writeDeb } from '../debian/deb.ts';
import { type DebianRelations, debianVersion } from '../debian/pypi-version.ts';
import type { AdmittedFile } from '../model/evidence.ts';
import type { LedgerLine } from '../model/outcome.ts';
import { sourceLines } from '../model/made-from.ts';
import type { Recipe, Resolution } from '../model/recipe.ts';
import type { Architecture } from '../model/target.ts';
import type { AdmittedTree } from './admitted-tree.ts';
import { copyrightFile } from './copyright.ts';
import { dependsOf, packagesOf, suggestionsOf } from './depends.ts';
import { homepageOf } from './homepage.ts';
import { fieldLines } from './fields.ts';
import { hintLines, withSuggestions } from './ledger.ts';
import { maintainerScripts } from './maintainer-scripts.ts';

/** 2000-01-01: for releases whose upload time the index does not give. */
const FALLBACK_EPOCH = 946_684_800;

export interface AssemblePorts {
  readonly archive: Pick<ArchiveIndex, 'dists'>;
  /** Relations on `python3:any` for a Requires-Python on the target, and what of it no relation says. */
  readonly pythonRelations: (requiresPython: string | undefined) => DebianRelations;
  /** `Name <address>` of the one who runs this Rennet. */
  readonly maintainer: string;
  /** N of the revision `-0~pypiN~…`. */
  readonly build: number;
  /** Folder for the `.deb`; made when missing. */
  readonly folder: string;
}

export interface AssembledDeb {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly package: string;
  /** Debian version with revision. */
  readonly version: string;
  readonly architecture: Architecture | 'all';
  /** Its Depends, one relation an item. */
  readonly depends: readonly string[];
  /** Text of the control file. */
  readonly control: string;
  /** Text of the copyright file. */
  readonly copyright: string;
  /** Time of everything in it, seconds since 1970. */
  readonly epoch: number;
  /** Dotted, for the check. */
  readonly modules: readonly string[];
  /** For the record of who published them first; see model/claim.ts. */
  readonly claims: readonly string[];
  /** Absolute paths below /usr/bin. */
  readonly scripts: readonly string[];
  readonly ledger: readonly LedgerLine[];
}

/**
 * Writes the `.deb` of an admitted tree: copyright, changelog, control fields and maintainer scripts are Rennet's own.
 * Same input, same bytes: all times are the upload time of the source file. Errors: `defect`, `no-space`, `missing-tool`,
 * `unmappable-version`.
 */
export async function assemble(
  tree: AdmittedTree,
  recipe: Recipe,
  resolution: Resolution,
  ports: AssemblePorts,
  signal: AbortSignal,
): Promise<AssembledDeb> {
  await mkdir(ports.folder, { recursive: true });
  const { target } = recipe;
  const version = debianVersion(recipe.version, target.suiteTag, ports.build);
  const architecture = architectureOf(tree, target);
  const epoch = epochOf(recipe.source.uploadedAt);
  const homepage = homepageOf(tree.metadata);
  const { text: copyright, licence } = copyrightFile(tree.metadata, tree.licences, homepage);
  const changelog = changelogText({
    package: recipe.package,
    version,
    suite: target.suite,
    changes: [
      recipe.source.kind === 'wheel'
        ? `Made automatically from upstream's wheel of release ${recipe.version} of the project`
        : `Built automatically from release ${recipe.version} of the project`,
      `${recipe.project} on PyPI by Rennet.`,
    ],
    maintainer: ports.maintainer,
    epoch,
  });
  const documents = `/usr/share/doc/${recipe.package}`;
  const files = [
    ...tree.files,
    await written(`${documents}/copyright`, Buffer.from(copyright), ports.folder),
    await written(`${documents}/changelog.Debian.gz`, gzipSync(changelog, { level: 9 }), ports.folder),
  ];
  const python = ports.pythonRelations(tree.metadata.requiresPython);
  const hinted = recipe.hint?.depends ?? [];
  const needed = dependsOf(tree, resolution.met, python.relations, target);
  const depends = [...new Set([...needed, ...hinted.map((one) => one.package)])];
  const suggestions = suggestionsOf(tree, target, ports.archive, depends);
  const description = descriptionFrom(
    tree.metadata.summary,
    tree.metadata.description,
    tree.metadata.descriptionContentType,
    recipe.project,
    recipe.version,
    recipe.source.kind === 'wheel',
  );
  const provides = `pypi-dist-${recipe.project} (= ${version})`;
  const control = writeControl({
    package: recipe.package,
    version,
    architecture,
    maintainer: ports.maintainer,
    installedSizeKiB: installedSizeKiB(files, []),
    depends,
    suggests: packagesOf(suggestions),
    provides: [provides],
    ...(homepage === undefined ? {} : { homepage }),
    description,
  });
  const path = join(ports.folder, `${recipe.package}_${version}_${architecture}.deb`);
  const scripts = maintainerScripts(files.map((file) => file.path));
  const deb = await writeDeb({ control, scripts, files, links: [], epoch }, path, signal);
  return {
    path,
    sha256: deb.sha256,
    bytes: deb.bytes,
    package: recipe.package,
    version,
    architecture,
    depends,
    control,
    copyright,
    epoch,
    modules: recipe.hint?.imports ?? tree.modules,
    claims: tree.claims,
    scripts: tree.programs,
    ledger: [
      ...withSuggestions(resolution.ledger, suggestions),
      ...tree.ledger,
      ...hintLines(recipe.hint),
      ...sourceLines(recipe),
      ...fieldLines({
        metadata: tree.metadata,
        licenceFiles: tree.licences.map(({ name }) => name),
        licence,
        homepage,
        synopsis: description.synopsis,
        python,
        package: recipe.package,
        provides,
        version,
      }),
    ],
  };
}

/** Seconds since 1970, within what tar and dpkg take: lintian calls files before 1985 ancient, dpkg warns of the future. */
function epochOf(uploadedAt: string | undefined): number {
  const seconds = Math.floor(Date.parse(uploadedAt ?? '') / 1000);
  const sane = seconds >= 500_000_000 && seconds <= Date.now() / 1000;
  return sane ? seconds : FALLBACK_EPOCH;
}

async function written(path: string, bytes: Buffer, folder: string): Promise<AdmittedFile> {
  const content = join(folder, path.split('/').at(-1) ?? '');
  await writeFile(content, bytes, { mode: 0o600 });
  return { path, mode: 0o644, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), content };
}
