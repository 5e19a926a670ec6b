import { RennetError } from '../model/errors.ts';
import { parseRequirement, type Requirement } from './requirement.ts';

/*
 * The lines of pip's requirements files (pip's documentation, "Requirements File Format"; pip's own reader is req_file.py). Pure.
 */

/** Where a line stands, as people read it. */
export interface LinePlace {
  readonly file: string;
  /** From 1; of a line that goes on in the next ones the first. */
  readonly line: number;
}

/** What one line says. */
export type RequirementsLine = { readonly place: LinePlace } & (
  | { readonly kind: 'requirement'; readonly requirement: Requirement; readonly sha256: readonly string[] }
  | { readonly kind: 'file'; readonly path: string; readonly asConstraints: boolean }
  | { readonly kind: 'index'; readonly url: string }
  | { readonly kind: 'require-hashes' }
  /** Says nothing that Rennet could honour, and nothing that would change which releases are right. */
  | { readonly kind: 'ignored'; readonly sentence: string }
);

export function formatPlace({ file, line }: LinePlace): string {
  return `${file}, line ${line}`;
}

/**
 * Reads the text of one file. RennetError `bad-usage` names file and line; addresses, values of options and what the environment filled in are never
 * quoted, they may be a password.
 */
export function readRequirementsLines(
  text: string,
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
): RequirementsLine[] {
  return logicalLines(text).flatMap(({ line, words: written }) => {
    const place = { file, line };
    const words = withVariables(written, environment);
    return words === '' ? [] : readLine(words, written, place);
  });
}

/** pip joins lines first, then drops comments: a comment line ends a joined one. */
function logicalLines(text: string): { line: number; words: string }[] {
  const found: { line: number; words: string }[] = [];
  let open: { line: number; words: string } | undefined;
  for (const [at, raw] of text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/).entries()) {
    const isComment = /^\s*#/.test(raw);
    const goesOn = raw.endsWith('\\') && !isComment;
    const words = (open?.words ?? '') + (isComment ? ` ${raw}` : goesOn ? raw.slice(0, -1) : raw);
    open = { line: open?.line ?? at + 1, words };
    if (goesOn) continue;
    found.push(open);
    open = undefined;
  }
  if (open !== undefined) found.push(open);
  return found.flatMap(({ line, words }) => {
    const bare = words.replace(/(?:^|\s)#.*$/s, '').trim();
    return bare === '' ? [] : [{ line, words: bare }];
  });
}

/** Only `${NAME}` in capitals; what the environment does not have stays as it is written. */
function withVariables(words: string, environment: Readonly<Record<string, string | undefined>>): string {
  return words.replaceAll(/\$\{([A-Z0-9_]+)\}/g, (whole: string, name: string) => environment[name] || whole);
}

function readLine(words: string, written: string, place: LinePlace): RequirementsLine[] {
  const optionsAt = words.search(/(?:^|\s)-/);
  const first = optionsAt === -1 ? words : words.slice(0, optionsAt).trim();
  const options = readOptions(optionsAt === -1 ? '' : words.slice(optionsAt), place);
  if (first !== '') return [readRequirement(first, written, options, place)];
  return options.map(([name, value]) => readOption(name, value, place));
}

type OptionPair = readonly [name: string, value: string];

const SHORT: Readonly<Record<string, string>> = {
  '-r': '--requirement',
  '-c': '--constraint',
  '-i': '--index-url',
  '--pypi-url': '--index-url',
  '-e': '--editable',
  '-f': '--find-links',
};
const FLAGS = new Set(['--require-hashes', '--pre', '--prefer-binary', '--no-index']);

/** `--name value`, `--name=value`, `-xvalue` and flags, with the quotes of a shell. */
function readOptions(text: string, place: LinePlace): OptionPair[] {
  const words = shellWords(text, place);
  const pairs: OptionPair[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [, long, given] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const [, short, glued = ''] = /^(-[a-z])=?(.*)$/s.exec(word) ?? [];
    const written = long ?? short;
    if (written === undefined) throw bad(place, `has ${nameOf(word, at)} where an option should stand`);
    const name = SHORT[written] ?? written;
    if (FLAGS.has(name)) pairs.push([name, '']);
    else {
      const joined = long === undefined ? glued || undefined : given;
      const value = joined ?? words[(at += 1)];
      if (value === undefined || value === '') throw bad(place, `has ${clean(written)} without a value`);
      pairs.push([name, value]);
    }
  }
  return pairs;
}

function shellWords(text: string, place: LinePlace): string[] {
  const words = [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+|\S/gs)].map(([word]) => word);
  return words.map((word) => {
    if (/^["'\\]$/.test(word)) throw bad(place, 'has a quotation mark that is never closed');
    return word.replaceAll(
      /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs,
      (_, double?: string, single?: string, escaped?: string) =>
        double?.replaceAll(/\\(["\\])/g, '$1') ?? single ?? escaped ?? '',
    );
  });
}

/** What would bring packages from elsewhere than the one index is refused: ignored, its names would be looked up there (dependency confusion). */
const REFUSED: Readonly<Record<string, string>> = {
  '--extra-index-url': 'names a second index (--extra-index-url)',
  '--find-links': 'names a place of files beside the index (--find-links)',
  '--editable': 'names a folder or repository (--editable)',
  '--no-index': 'forbids the index (--no-index)',
};
const HINTS: Readonly<Record<string, string>> = {
  '--extra-index-url': 'Take the line out, or name one index that has everything with --index-url.',
  '--find-links': 'Take the line out; give local files to rennet build themselves.',
  '--editable': 'Take the line out; give a folder to rennet build itself: rennet build ./FOLDER.',
  '--no-index': 'Take the line out.',
};
const IGNORED: Readonly<Record<string, string>> = {
  '--trusted-host': 'certificates are always checked',
  '--pre': 'name a pre-release with its version instead',
  '--no-binary': 'Rennet builds from the sdist where there is one',
  '--only-binary': 'Rennet builds from the sdist where there is one',
  '--prefer-binary': 'Rennet builds from the sdist where there is one',
  '--use-feature': 'it is for pip alone',
};

function readOption(name: string, value: string, place: LinePlace): RequirementsLine {
  const refused = REFUSED[name];
  if (refused !== undefined)
    throw bad(place, `${refused}; Rennet takes releases from one index only`, HINTS[name] ?? '');
  const ignored = IGNORED[name];
  if (ignored !== undefined)
    return { place, kind: 'ignored', sentence: `${formatPlace(place)}: ${name} is not used: ${ignored}.` };
  switch (name) {
    case '--requirement':
    case '--constraint':
      if (/^[a-z][a-z0-9+.-]+:\/\//i.test(value))
        throw bad(place, 'names a requirements file by its address', 'Download it and name the file.');
      return { place, kind: 'file', path: value, asConstraints: name === '--constraint' };
    case '--index-url':
      return { place, kind: 'index', url: value };
    case '--require-hashes':
      return { place, kind: 'require-hashes' };
    default:
      throw bad(place, `has the option ${clean(name)}, which Rennet does not know`);
  }
}

/** pip's own words for what no name begins: an address, a repository, a path, an archive. */
const ADDRESS = /^(?:(?:git|hg|svn|bzr)\+|[a-z][a-z0-9+.-]*:\/\/|file:)/i;
const PATH = /^(?:[./~]|[A-Za-z]:\\)|[/\\]|\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)$/i;

function readRequirement(
  text: string,
  written: string,
  options: readonly OptionPair[],
  place: LinePlace,
): RequirementsLine {
  const named = text.split(/[;@]/)[0]?.trim() ?? '';
  if (ADDRESS.test(text)) throw elsewhere(place, 'an address or a repository');
  if (PATH.test(named)) throw elsewhere(place, 'a path');
  let requirement: Requirement;
  try {
    requirement = parseRequirement(text);
  } catch (error) {
    // The text is shown as it was written: what the environment filled in may be a password.
    const where = /at character \d+/.exec(error instanceof Error ? error.message : '')?.[0] ?? '';
    const shown = /[:/@?]|\s-/.test(written) ? 'it' : `"${clean(written)}"`;
    throw bad(place, `cannot be read${where && ` ${where}`}: ${shown} is no requirement (PEP 508)`);
  }
  if (requirement.url !== undefined) throw elsewhere(place, 'an address');
  const sha256: string[] = [];
  for (const [name, value] of options) {
    if (name === '--hash') sha256.push(readHash(value, place));
    else if (!['--config-settings', '--global-option'].includes(name))
      throw bad(place, `has the option ${clean(name)} after a requirement`);
    else throw bad(place, `sets ${name}, which Rennet does not hand to builds`, 'Take the option out.');
  }
  return { place, kind: 'requirement', requirement, sha256 };
}

function readHash(value: string, place: LinePlace): string {
  const digest = /^sha256:([0-9a-f]{64})$/i.exec(value)?.[1];
  if (digest === undefined)
    throw bad(place, 'has a --hash that is no sha256', 'Rennet reads --hash=sha256: and 64 hexadecimal digits.');
  return digest.toLowerCase();
}

function elsewhere(place: LinePlace, what: string): RennetError {
  return bad(
    place,
    `names ${what}; in a requirements file Rennet reads projects of the index only`,
    'Give folders, sdists and wheels to rennet build themselves: rennet build ./FOLDER.',
  );
}

function bad(place: LinePlace, what: string, hint = ''): RennetError {
  return new RennetError('bad-usage', `${formatPlace(place)} ${what}.`, hint);
}

/** An option that is written oddly by its name, anything else by its place: the words may be an address or filled in from the environment. */
function nameOf(word: string, at: number): string {
  return /^(--?[a-zA-Z][a-zA-Z_-]{0,40})=/.exec(word)?.[1] ?? `a word (number ${at + 1} from the first option on)`;
}

/** A part of a stranger's file, short; for text that cannot be an address. */
function clean(text: string): string {
  const safe = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return safe.length > 80 ? `${safe.slice(0, 79)}…` : safe;
}
