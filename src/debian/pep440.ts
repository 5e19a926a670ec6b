import { RennetError } from '../model/errors.ts';
import { parseVersionParts, type VersionParts } from '../model/python-version.ts';

/**
 * Reads a PEP 440 version that can have a Debian form.
 * Errors: `unmappable-version` for text that is none, for an epoch (would become a Debian epoch, which never goes away
 * again) and for a local version (not to be published, PEP 440 "Local version identifiers").
 */
export function parsePythonVersion(text: string): VersionParts {
  const parts = parseVersionParts(text);
  if (!parts) throw unmappable(text, 'it is no PEP 440 version');
  if (parts.epoch !== '0') throw unmappable(text, 'it has an epoch');
  if (parts.local !== undefined) throw unmappable(text, 'it is a local version');
  return parts;
}

/** The release without trailing zeros, but not under `least` components: PEP 440 says 2.0 == 2.0.0, dpkg does not. */
export function strippedRelease(release: readonly string[], least: number): string[] {
  let length = release.length;
  while (length > least && release[length - 1] === '0') length--;
  const stripped = release.slice(0, length);
  while (stripped.length < least) stripped.push('0');
  return stripped;
}

/** The release with its last component one higher: the first that `== X.*` no longer takes. */
export function nextRelease(release: readonly string[]): string[] {
  const last = release.at(-1) ?? '0';
  return [...release.slice(0, -1), String(BigInt(last) + 1n)];
}

/** Everything after the release: `~a1`, `+post2`, `~~dev3`, and combinations. */
export function debianSuffix({ pre, post, dev }: VersionParts, postMark: string): string {
  const base = (pre ? `~${pre.letter}${pre.number}` : '') + (post === undefined ? '' : postMark + post);
  return dev === undefined ? base : `${base}${base === '' ? '~~' : '~'}dev${dev}`;
}

function unmappable(text: string, why: string): RennetError {
  return new RennetError(
    'unmappable-version',
    `The version ${JSON.stringify(text.slice(0, 80))} has no Debian form: ${why}.`,
    'Choose another release, or have a person decide.',
  );
}
