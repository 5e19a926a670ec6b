import { RennetError } from '../model/errors.ts';

/** A PEP 440 public version in parts; numbers are digit strings without leading zeros, so that none is ever rounded. */
export interface PythonVersion {
  readonly release: readonly string[];
  readonly pre?: { readonly label: 'a' | 'b' | 'rc'; readonly number: string };
  readonly post?: string;
  readonly dev?: string;
}

/** PEP 440, appendix B, anchored; case and separators as the normalisation rules allow. */
const VERSION =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?(?:-(\d+)|[-_.]?(?:post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$/;

const LABELS: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
};

/**
 * Reads a PEP 440 version that can have a Debian form.
 * Errors: `unmappable-version` for text that is none, for an epoch (would become a Debian epoch, which never goes away
 * again) and for a local version (not to be published, PEP 440 "Local version identifiers").
 */
export function parsePythonVersion(text: string): PythonVersion {
  const match = VERSION.exec(text.trim().toLowerCase());
  if (!match) throw unmappable(text, 'it is no PEP 440 version');
  const [, epoch = '0', release = '', label, preNumber, dashPost, postNumber, dev, devNumber, local] = match;
  if (digits(epoch) !== '0') throw unmappable(text, 'it has an epoch');
  if (local !== undefined) throw unmappable(text, 'it is a local version');
  const pre = label === undefined ? undefined : LABELS[label];
  const post = dashPost ?? postNumber;
  return {
    release: release.split('.').map(digits),
    ...(pre && { pre: { label: pre, number: digits(preNumber ?? '') } }),
    ...(post !== undefined && { post: digits(post) }),
    ...(dev !== undefined && { dev: digits(devNumber ?? '') }),
  };
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
export function debianSuffix({ pre, post, dev }: PythonVersion, postMark: string): string {
  const base = (pre ? `~${pre.label}${pre.number}` : '') + (post === undefined ? '' : postMark + post);
  return dev === undefined ? base : `${base}${base === '' ? '~~' : '~'}dev${dev}`;
}

function digits(text: string): string {
  return text.replace(/^0+(?=\d)/, '') || '0';
}

function unmappable(text: string, why: string): RennetError {
  return new RennetError(
    'unmappable-version',
    `The version ${JSON.stringify(text.slice(0, 80))} has no Debian form: ${why}.`,
    'Choose another release, or have a person decide.',
  );
}
