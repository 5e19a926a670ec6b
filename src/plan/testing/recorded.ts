import type { ArchiveIndex, OfficialDist } from '../../debian/archive-index.ts';
import { RennetError } from '../../model/errors.ts';
import type { Project, Release, ReleaseFile } from '../../model/release.ts';
import type { TargetFacts } from '../../model/target.ts';
import type { IndexClient } from '../../python/client.ts';

export const BOOKWORM: TargetFacts = {
  suite: 'bookworm',
  architecture: 'amd64',
  python: '3.11',
  pythonFull: '3.11.2',
  suiteTag: 'deb12',
};

/** An archive that holds these packages: `python3-wcwidth 0.2.5+dfsg1-1.1` with its project and dist-info version. */
export function archiveOf(
  dists: readonly { project: string; package?: string; packageVersion: string; upstreamVersion: string }[],
  packages: readonly string[] = [],
): ArchiveIndex {
  const all: OfficialDist[] = dists.map((dist) => ({
    package: `python3-${dist.project}`,
    architecture: 'all',
    ...dist,
  }));
  const version = (name: string): string | undefined =>
    all.find((dist) => dist.package === name)?.packageVersion ?? (packages.includes(name) ? '1.0-1' : undefined);
  return {
    facts: BOOKWORM,
    stdlibModules: new Set(['argparse', 'dataclasses']),
    dists: (project) => all.filter((dist) => dist.project === project),
    projectsOf: (name) => all.filter((dist) => dist.package === name).map(({ project }) => project),
    hasPackage: (name) => version(name) !== undefined,
    packageVersion: version,
    moduleOwner: () => undefined,
    isNamespace: () => false,
    programOwner: () => undefined,
    fileOwner: () => undefined,
    developmentFiles: () => Promise.resolve([]),
  };
}

/** One release of the recorded index: its files by name, and the metadata of its wheels. */
export interface Recorded {
  readonly version: string;
  readonly files: readonly (string | (Partial<ReleaseFile> & { readonly filename: string }))[];
  /** Lines of METADATA after name and version; without it the wheel tells nothing. */
  readonly metadata?: readonly string[];
}

export function projectOf(name: string, releases: readonly Recorded[]): Project {
  return { name, releases: releases.map(releaseOf), unreadable: [] };
}

function releaseOf({ version, files }: Recorded): Release {
  return {
    version,
    files: files.map((file): ReleaseFile => {
      const { filename, ...more } = typeof file === 'string' ? { filename: file } : file;
      const kind = filename.endsWith('.whl') ? 'wheel' : 'sdist';
      return { filename, kind, url: `https://files.example.org/${filename}`, sha256: '0'.repeat(64), ...more };
    }),
  };
}

/** An index client over recorded data; `asked` tells what it was asked for. */
export function indexOf(
  name: string,
  releases: readonly Recorded[],
  download: IndexClient['download'] = () => Promise.reject(new Error('nothing was to be downloaded')),
): IndexClient & { readonly asked: string[] } {
  return { ...indexOfAll({ [name]: releases }), download };
}

/** The same of several projects. */
export function indexOfAll(
  projects: Readonly<Record<string, readonly Recorded[]>>,
): IndexClient & { readonly asked: string[] } {
  const asked: string[] = [];
  const all = Object.entries(projects).flatMap(([name, releases]) =>
    releases.flatMap(({ version, files, metadata }) =>
      files.map((file) => ({ name, version, metadata, filename: typeof file === 'string' ? file : file.filename })),
    ),
  );
  return {
    asked,
    origin: () => 'https://index.example.org/simple',
    project(project) {
      asked.push(project);
      const releases = projects[project];
      if (releases !== undefined) return Promise.resolve(projectOf(project, releases));
      return Promise.reject(new RennetError('unknown-project', `The index has no project ${project}.`));
    },
    metadata(file) {
      asked.push(file.filename);
      const { name = '', version = '', metadata } = all.find(({ filename }) => filename === file.filename) ?? {};
      if (file.kind === 'sdist' || metadata === undefined) return Promise.resolve(undefined);
      const lines = ['Metadata-Version: 2.1', `Name: ${name}`, `Version: ${version}`, ...metadata, ''];
      return Promise.resolve({ bytes: Buffer.from(lines.join('\n')), source: 'range' });
    },
    wheelMember: () => Promise.resolve(undefined),
    download: () => Promise.reject(new Error('nothing was to be downloaded')),
  };
}
