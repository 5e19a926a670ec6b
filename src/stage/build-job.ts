import type { Recipe } from '../model/recipe.ts';
import type { BuildSystem, SdistFacts } from '../python/sdist.ts';
import type { AptOrder } from './apt-input.ts';

/** PEP 517, "Source trees": what builds where pyproject.toml names no back end. */
const LEGACY = 'setuptools.build_meta:__legacy__';
/** The first second that a zip archive can hold; for releases whose upload time the index does not tell. */
const ZIP_EPOCH = 315_532_800;

export interface BackEnd {
  readonly name: string;
  readonly path: readonly string[];
  readonly requires: readonly string[];
}

/** The job.json of a build, see guest/README.md. */
export interface BuildJob {
  readonly protocol: 1;
  readonly id: string;
  readonly kind: 'build';
  readonly project: string;
  readonly version: string;
  readonly source: string;
  readonly backend: BackEnd;
  /** Requirements that the host met already, as declared: the hook's answer is compared with them. */
  readonly met: readonly string[];
  readonly layers: readonly string[];
  /** Official packages for apt-get in the guest, in place of a layer with them. */
  readonly apt?: AptOrder;
  readonly offered: readonly { project: string; version: string; layers: readonly string[] }[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The back end of an sdist and what it declares; setuptools where nothing is declared (PEP 518: `setuptools` is implied). */
export function backEndOf(sdist: SdistFacts): BackEnd {
  const system: BuildSystem | undefined = sdist.buildSystem;
  if (!system) return { name: LEGACY, path: [], requires: ['setuptools'] };
  return { name: system.backend ?? LEGACY, path: system.backendPath, requires: system.requires };
}

/** PEP 517, "Source trees": setuptools would make an empty package of a folder without any of these. */
export function saysHowToBuild({ pyproject, hasSetupPy, names, top }: SdistFacts): boolean {
  return pyproject !== undefined || hasSetupPy || names.includes(`${top}/setup.cfg`);
}

/** True for the back ends whose hooks ask for `wheel` in the versions that suites have. */
export function asksForWheel({ name, requires }: BackEnd): boolean {
  return name.startsWith('setuptools.') || requires.some((text) => /^setuptools\b/i.test(text));
}

/**
 * No debugging symbols: Debian's Python compiles with -g, which makes the compiler slower and leaves files that policy 10.1 wants
 * stripped. As dpkg-buildflags does, these come on top of what the back end sets itself.
 */
const SMALL_BINARIES = {
  CFLAGS: '-g0',
  CXXFLAGS: '-g0',
  LDFLAGS: '-Wl,--strip-all',
  CARGO_PROFILE_RELEASE_STRIP: 'symbols',
} as const;

/** Variables for the hooks. */
export function buildEnvironment(recipe: Recipe): Record<string, string> {
  const uploaded = Date.parse(recipe.source.uploadedAt ?? '');
  const epoch = Number.isNaN(uploaded) ? ZIP_EPOCH : Math.max(ZIP_EPOCH, Math.floor(uploaded / 1000));
  return {
    ...versionEnvironment(recipe),
    SOURCE_DATE_EPOCH: String(epoch),
    CARGO_NET_OFFLINE: 'true',
    ...SMALL_BINARIES,
  };
}

/**
 * An sdist has no git history, so that every tool that would ask git for the version is told: setuptools-scm (hatch-vcs uses it too), pbr, pdm-backend,
 * poetry-dynamic-versioning, uv-dynamic-versioning.
 */
export function versionEnvironment({ project, version }: Pick<Recipe, 'project' | 'version'>): Record<string, string> {
  // A local source of which nobody knows the version yet: the tools shall say it.
  if (version === '') return {};
  const name = project.toUpperCase().replaceAll('-', '_');
  return {
    SETUPTOOLS_SCM_PRETEND_VERSION: version,
    [`SETUPTOOLS_SCM_PRETEND_VERSION_FOR_${name}`]: version,
    PBR_VERSION: version,
    PDM_BUILD_SCM_VERSION: version,
    POETRY_DYNAMIC_VERSIONING_BYPASS: version,
    UV_DYNAMIC_VERSIONING_BYPASS: version,
  };
}
