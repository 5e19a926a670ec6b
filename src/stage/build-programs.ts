import type { ArchiveIndex, OfficialDist } from '../debian/archive-index.ts';

/** Packages for one purpose, best first: the first that a suite has is taken. */
type Alternatives = readonly string[];

/** Debian 12 keeps younger compilers beside its own, for what browsers are written in. */
const RUST: readonly Alternatives[] = [
  ['cargo-web', 'cargo'],
  ['rustc-web', 'rustc'],
];

/**
 * What back ends start and do not declare, because upstream takes it from the machine (or downloads it): by the project that a build requires, as Debian
 * packages. A back end that finds its program does not ask for a wheel of it.
 */
const STARTED_BY: Readonly<Record<string, readonly Alternatives[]>> = {
  maturin: RUST,
  'setuptools-rust': RUST,
  'scikit-build': [['cmake'], ['ninja-build']],
  'scikit-build-core': [['cmake'], ['ninja-build']],
  'meson-python': [['ninja-build'], ['patchelf'], ['pkgconf', 'pkg-config']],
  'py-build-cmake': [['cmake'], ['ninja-build']],
};

/** Projects of the index that are nothing but a program in a wheel, and the package that has the same program. */
const IS_PROGRAM: Readonly<Record<string, string>> = {
  cmake: 'cmake',
  ninja: 'ninja-build',
  patchelf: 'patchelf',
  swig: 'swig',
};

/** By the ending of a source file. */
const COMPILERS: readonly { readonly source: RegExp; readonly packages: Alternatives }[] = [
  { source: /\.(?:f|for|f90|f95)$/i, packages: ['gfortran'] },
];

/** Debian packages that a build with these requirements and sources wants besides; a purpose for which the suite has none is left out. */
export function programPackages(
  projects: readonly string[],
  sources: readonly string[],
  archive: Pick<ArchiveIndex, 'hasPackage'>,
): readonly string[] {
  const wanted = [
    ...projects.flatMap((project) => STARTED_BY[project] ?? []),
    ...COMPILERS.filter(({ source }) => sources.some((name) => source.test(name))).map(({ packages }) => packages),
  ];
  const chosen = wanted.map((alternatives) => alternatives.find((name) => archive.hasPackage(name)));
  return [...new Set(chosen.filter((name) => name !== undefined))];
}

/** True where crates are built. */
export function wantsCrates(projects: readonly string[]): boolean {
  return projects.some((project) => STARTED_BY[project] === RUST);
}

/** The official package of a program whose project has no distribution in the suite; its version is the package's own. */
export function programDist(project: string, archive: Pick<ArchiveIndex, 'packageVersion'>): OfficialDist | undefined {
  const name = IS_PROGRAM[project];
  const packageVersion = name === undefined ? undefined : archive.packageVersion(name);
  if (name === undefined || packageVersion === undefined) return undefined;
  const upstreamVersion = packageVersion
    .replace(/^\d+:/, '')
    .replace(/-[^-]*$/, '')
    .replace(/[+~].*$/, '');
  return { project, package: name, packageVersion, upstreamVersion, architecture: '' };
}
