import type { VersionParts } from '../model/python-version.ts';
import { debianSuffix, nextRelease, parsePythonVersion, strippedRelease } from './pep440.ts';
import type { DebianRelations } from './pypi-version.ts';
import { parseRelation, satisfies } from './relation.ts';
import { type MappableClause, parseSpecifiers } from './specifier.ts';
import { splitVersion } from './version.ts';

/** An official package that was chosen to meet a requirement. */
export interface OfficialCandidate {
  readonly package: string;
  /** Its Debian version, e.g. `1:2.3.0+dfsg-2`. */
  readonly version: string;
  /** The PEP 440 version that the specifier was compared with: what the suite's dist-info says. */
  readonly upstream: string;
}

/** How the candidate's maintainer writes upstream versions. */
interface Form {
  /** `1:` or empty. */
  readonly epoch: string;
  /** Number of release components: Debian does not strip zeros. */
  readonly components: number;
  /** `~ds` of `2.3~ds1`, which sorts below 2.3; empty for `+dfsg` and the like. */
  readonly below: string;
  readonly postMark: string;
}

/**
 * A PEP 440 specifier set as relations on an official package, written with the candidate's own epoch, number of
 * components and suffix form. Where the Debian version is not the upstream version (`+really`, snapshots, bundles), or a
 * bound would refuse the candidate itself, the plain package name is left and every clause is named in `approximated`.
 * Errors: `bad-specifier`; `unmappable-version` for a bound with an epoch or a local part.
 */
export function officialRelations(specifier: string, candidate: OfficialCandidate): DebianRelations {
  const clauses = parseSpecifiers(specifier);
  const form = formOf(candidate);
  const bounds = form ? [...new Set(clauses.flatMap((clause) => boundsOf(clause, form)))] : [];
  const relations = bounds.map((bound) => `${candidate.package} (${bound})`);
  const hold = relations.every((relation) => satisfies(parseRelation(relation), candidate.version));
  if (!form || !hold) return { relations: [candidate.package], approximated: clauses.map((clause) => clause.text) };
  return {
    relations: relations.length > 0 ? relations : [candidate.package],
    approximated: clauses.filter((clause) => clause.operator === '!=').map((clause) => clause.text),
  };
}

/** Undefined where the Debian version does not say the upstream version. */
function formOf({ version, upstream }: OfficialCandidate): Form | undefined {
  const parts = splitVersion(version);
  // A `+`, `~` or `.` part that is no pre- or post-release of Python's is the maintainer's: +dfsg, ~ds1, +git2023.
  const match =
    /^(\d+(?:\.\d+)*(?:[~.]?(?:a|b|rc|alpha|beta)\d+)?(?:([.+])post\d+)?(?:~{0,2}\.?dev\d+)?)([+~.].*)?$/.exec(
      parts.upstream,
    );
  const [, plain = '', postMark = '.', suffix = ''] = match ?? [];
  if (plain === '' || suffix.includes('really')) return undefined;
  const python = readVersion(plain.replaceAll('~', '').replace('+post', '.post'));
  const wanted = readVersion(upstream);
  if (!python || !wanted || canonical(python) !== canonical(wanted)) return undefined;
  return {
    epoch: parts.epoch === '' ? '' : `${parts.epoch}:`,
    components: python.release.length,
    below: /^~[a-z]+/.exec(suffix)?.[0] ?? '',
    postMark: `${postMark}post`,
  };
}

function boundsOf(clause: MappableClause, form: Form): string[] {
  const { version } = clause;
  const isPre = version.pre !== undefined || version.dev !== undefined;
  const tail = debianSuffix(version, form.postMark);
  // Stripped zeros for lower bounds (2-1 and 2.0-1 are both >= 2.0), the candidate's count where the bound ends a version.
  const stripped = form.epoch + strippedRelease(version.release, 1).join('.');
  const padded = form.epoch + paddedRelease(version.release, form.components).join('.') + tail;
  const from = `>= ${tail === '' ? stripped : padded}${form.below}-0~`;
  const through = `<< ${padded}.~`;
  switch (clause.operator) {
    case '>=':
      return [from];
    case '<=':
      return [through];
    case '>':
      return [`>> ${padded}.~`];
    case '<':
      return [isPre ? `<< ${padded}-0~` : tail === '' ? `<< ${stripped}~~` : `<< ${padded}~~`];
    case '~=':
      return [from, `<< ${form.epoch}${nextRelease(version.release.slice(0, -1)).join('.')}~~`];
    case '==':
    case '===':
      return clause.wildcard
        ? [`>= ${stripped}~~`, `<< ${form.epoch}${nextRelease(version.release).join('.')}~~`]
        : [from, through];
    case '!=':
      return [];
  }
}

function paddedRelease(release: readonly string[], components: number): string[] {
  return strippedRelease(release, Math.max(components, strippedRelease(release, 1).length));
}

function canonical(version: VersionParts): string {
  return strippedRelease(version.release, 1).join('.') + debianSuffix(version, '+post');
}

function readVersion(text: string): VersionParts | undefined {
  try {
    return parsePythonVersion(text);
  } catch {
    return undefined;
  }
}
