import { debianUpstream } from '../debian/pypi-version.ts';
import type { PlanItem } from '../model/recipe.ts';
import type { Project, Release, ReleaseFile } from '../model/release.ts';
import type { TargetFacts } from '../model/target.ts';
import { isPrerelease, parseSpecifier, specifierAccepts } from '../python/version.ts';
import { isPure, pureWheelFor, wheelPlatforms } from './pure-wheel.ts';
import { pythonFits } from './python-bounds.ts';

type BlockedAs = NonNullable<PlanItem['blockedAs']>;

/** Why a release is passed over, as the end of a sentence that begins with its name and version. */
export interface Refusal {
  readonly as: BlockedAs;
  readonly reason: string;
  /** Of a release that cannot be read. */
  readonly by?: PlanItem['blockedBy'];
}

/** A release with what would be built from it. */
export interface Candidate {
  readonly version: string;
  readonly source: ReleaseFile;
  /** Where its metadata is read, best first. */
  readonly metadataFiles: readonly ReleaseFile[];
  /** All wheels of the release, pure ones first. */
  readonly wheels: readonly ReleaseFile[];
  /** PEP 592, where the user's `==` asks for it all the same. */
  readonly yanked?: string;
}

/** One release that the specifier admits, newest first, before any metadata was read. */
export type Judged = { readonly version: string } & (
  | { readonly candidate: Candidate; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly candidate?: undefined }
);

/**
 * Judges the releases that a specifier admits by the index page alone, newest first. Pure. Pre-releases count where
 * the specifier names one or nothing else is there; yanked releases only where `==` names exactly that version (PEP
 * 440, "Handling of pre-releases"; PEP 592).
 */
export function judgeReleases(project: Project, specifier: string, target: TargetFacts): Judged[] {
  const clauses = parseSpecifier(specifier);
  const pinned = clauses.some(
    ({ operator, version }) => operator === '===' || (operator === '==' && !version.endsWith('.*')),
  );
  // As packaging does: what is excluded is not asked for.
  const namesPrerelease = clauses.some(
    ({ operator, version }) => operator !== '!=' && !version.endsWith('.*') && isPrereleaseText(version),
  );
  const admitted = project.releases.filter(({ version }) =>
    specifierAccepts(specifier, version, { prereleases: true }),
  );
  const finals = admitted.some(
    (release) => !isPrerelease(release.version) && release.files.some((file) => !file.yanked),
  );
  return admitted.map((release): Judged => {
    const { version } = release;
    if (isPrerelease(version) && !namesPrerelease && finals)
      return { version, refusal: { as: 'held', reason: 'is a pre-release' } };
    return { version, ...judge(release, project.name, pinned, target) };
  });
}

/** Why a project without any release has none. */
export function whyNoRelease({ unreadable }: Project): Refusal {
  const [first] = unreadable;
  const files = unreadable.length === 1 ? 'one file, which cannot' : `${unreadable.length} files, none of which can`;
  const reason =
    first === undefined
      ? 'has no files on the index'
      : `has ${files} be read: ${JSON.stringify(first.filename)}, ${first.reason}`;
  return { as: 'no-source', reason };
}

function judge(
  release: Release,
  project: string,
  pinned: boolean,
  target: TargetFacts,
): { candidate: Candidate } | { refusal: Refusal } {
  const { version } = release;
  const standing = release.files.filter((file) => !file.yanked);
  const yanked = standing.length === 0 ? (release.files[0]?.yanked ?? true) : undefined;
  if (yanked !== undefined && !pinned) return refuse('held', `was yanked${reasonOf(yanked)}`);
  if (!isMappable(version)) return refuse('held', 'has an epoch or a local part, which no Debian version can hold');
  const files = yanked === undefined ? standing : release.files;
  const fitting = files.filter((file) => pythonFits(file.requiresPython, target));
  if (fitting.length === 0) {
    return refuse(
      'not-for-target',
      `needs Python ${files[0]?.requiresPython ?? ''}, and ${target.suite} has ${target.pythonFull}`,
    );
  }
  const source = chooseSource(fitting, project, target);
  if ('reason' in source) return { refusal: source };
  const wheels = files.filter((file) => file.kind === 'wheel').toSorted((a, b) => rank(a, project) - rank(b, project));
  const candidate: Candidate = {
    version,
    source,
    metadataFiles: [...wheels.slice(0, 1), ...files.filter((file) => file.kind === 'sdist' && file === source)],
    wheels,
    ...(yanked === undefined ? {} : { yanked: reasonOf(yanked) }),
  };
  return { candidate };
}

/** Where a release has an sdist, it is built; a pure wheel serves where there is none. */
function chooseSource(files: readonly ReleaseFile[], project: string, target: TargetFacts): ReleaseFile | Refusal {
  const sdists = files.filter((file) => file.kind === 'sdist');
  const sdist = sdists.find((file) => file.filename.endsWith('.tar.gz')) ?? sdists[0];
  if (sdist !== undefined) return sdist;
  const wheel = pureWheelFor(files, project, target);
  if (wheel !== undefined) return wheel;
  if (files.some((file) => isPure(file, project)))
    return {
      as: 'not-for-target',
      reason: `has only wheels for other versions of Python than ${target.python}, and no sdist`,
    };
  return { as: 'no-source', reason: `has only binary wheels (${wheelPlatforms(files, project)}), no sdist` };
}

/** Pure wheels tell what holds everywhere; with metadata beside them they cost one small request. */
function rank(file: ReleaseFile, project: string): number {
  return (isPure(file, project) ? 0 : 2) + (file.metadataSha256 === undefined ? 1 : 0);
}

function isMappable(version: string): boolean {
  try {
    debianUpstream(version);
    return true;
  } catch {
    return false;
  }
}

function isPrereleaseText(version: string): boolean {
  try {
    return isPrerelease(version);
  } catch {
    return false;
  }
}

function reasonOf(yanked: string | true): string {
  // The reason is a stranger's text: one line, no control characters, not too long.
  return yanked === true ? '' : `: ${JSON.stringify(yanked.slice(0, 200))}`;
}

function refuse(as: BlockedAs, reason: string): { refusal: Refusal } {
  return { refusal: { as, reason } };
}
