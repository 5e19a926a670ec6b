import { VERSION_PATTERN } from '@renovatebot/pep440/lib/version.js';

/** A PEP 440 version taken apart. Numbers are digit strings without leading zeros: `20230101123456789012` is a real release number. */
export interface VersionParts {
  readonly epoch: string;
  readonly release: readonly string[];
  readonly pre?: { readonly letter: 'a' | 'b' | 'rc'; readonly number: string };
  readonly post?: string;
  readonly dev?: string;
  readonly local?: readonly string[];
}

/** Longer texts are no version; the index itself allows 200 characters. */
const MAX_LENGTH = 512;

/*
 * The library gives the grammar. Its numbers are JavaScript's (digits are lost above 2^53), its normal form joins local
 * parts with commas and reads `1e5` in them as a number, and its specifiers differ from `packaging` on `<`, `>`, `==X.*`,
 * `~=` and pre-releases; so parts, order and specifiers are our own, proved against `packaging` in version.test.ts.
 */
const VERSION = new RegExp(`^[ \\t\\n\\r\\f\\v]*${VERSION_PATTERN}[ \\t\\n\\r\\f\\v]*$`, 'i');

const PRE_LETTERS: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
};

/** Reads a version in any spelling that PEP 440 allows; undefined for everything else. */
export function parseVersionParts(text: string): VersionParts | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const groups = VERSION.exec(text)?.groups;
  if (groups?.['release'] === undefined) return undefined;
  const letter = PRE_LETTERS[groups['pre_l']?.toLowerCase() ?? ''];
  const post = groups['post_n1'] ?? (groups['post_l'] === undefined ? undefined : (groups['post_n2'] ?? '0'));
  return {
    epoch: digits(groups['epoch'] ?? '0'),
    release: groups['release'].split('.').map(digits),
    ...(letter !== undefined && { pre: { letter, number: digits(groups['pre_n'] ?? '0') } }),
    ...(post !== undefined && { post: digits(post) }),
    ...(groups['dev_l'] !== undefined && { dev: digits(groups['dev_n'] ?? '0') }),
    ...(groups['local'] !== undefined && { local: groups['local'].toLowerCase().split(/[._-]/).map(localPart) }),
  };
}

/** The PEP 440 normal form; release zeros stay as they were written. */
export function formatVersionParts(parts: VersionParts): string {
  const epoch = parts.epoch === '0' ? '' : `${parts.epoch}!`;
  const pre = parts.pre === undefined ? '' : `${parts.pre.letter}${parts.pre.number}`;
  const post = parts.post === undefined ? '' : `.post${parts.post}`;
  const dev = parts.dev === undefined ? '' : `.dev${parts.dev}`;
  const local = parts.local === undefined ? '' : `+${parts.local.join('.')}`;
  return `${epoch}${parts.release.join('.')}${pre}${post}${dev}${local}`;
}

/** PEP 440 order: negative, zero (`2.0` and `2.0.0` are equal) or positive. */
export function compareVersionParts(a: VersionParts, b: VersionParts): number {
  return (
    compareDigits(a.epoch, b.epoch) ||
    compareReleases(a.release, b.release) ||
    preRank(a) - preRank(b) ||
    compareDigits(a.pre?.number ?? '0', b.pre?.number ?? '0') ||
    compareOptional(a.post, b.post, -1) ||
    compareOptional(a.dev, b.dev, 1) ||
    compareLocals(a.local, b.local)
  );
}

/** True where the first release parts of `version` are `prefix`, both filled up with zeros. */
export function hasReleasePrefix(version: VersionParts, prefix: readonly string[]): boolean {
  return prefix.every((part, index) => part === (version.release[index] ?? '0'));
}

export function compareReleases(a: readonly string[], b: readonly string[]): number {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const order = compareDigits(a[index] ?? '0', b[index] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

/** A development release without pre and post sorts before `a`, a version without pre-release after `rc`. */
function preRank(parts: VersionParts): number {
  if (parts.pre !== undefined) return { a: 0, b: 1, rc: 2 }[parts.pre.letter];
  return parts.post === undefined && parts.dev !== undefined ? -1 : 3;
}

function compareOptional(a: string | undefined, b: string | undefined, absent: -1 | 1): number {
  if (a === undefined) return b === undefined ? 0 : absent;
  return b === undefined ? -absent : compareDigits(a, b);
}

/** Absent first; then part by part, words before numbers, a prefix before what continues it. */
function compareLocals(a: readonly string[] | undefined, b: readonly string[] | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    const numeric = Number(isDigits(left)) - Number(isDigits(right));
    const order = numeric || (isDigits(left) ? compareDigits(left, right) : compareText(left, right));
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareDigits(a: string, b: string): number {
  return a.length - b.length || compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function localPart(part: string): string {
  return isDigits(part) ? digits(part) : part;
}

function isDigits(part: string): boolean {
  return /^[0-9]+$/.test(part);
}

function digits(text: string): string {
  return text.replace(/^0+(?=[0-9])/, '');
}
