import type { MarkerNode, MarkerOperator, MarkerVariable } from './marker.ts';
import { MARKER_VARIABLES } from './marker.ts';
import { RennetError } from '../model/errors.ts';
import { normaliseProject } from '../model/project-name.ts';
import { parseSpecifier } from './version.ts';

export { evaluateMarker, markerEnvironment } from './marker.ts';
export type { MarkerNode } from './marker.ts';

/** A PEP 508 requirement. */
export interface Requirement {
  /** The name as written. */
  readonly name: string;
  /** PEP 503 normalised. */
  readonly project: string;
  /** Normalised, sorted, each once. */
  readonly extras: readonly string[];
  /** Clauses joined with commas, without blanks: `>=1.0,<2`; empty for any version. */
  readonly specifier: string;
  readonly url?: string;
  readonly marker?: MarkerNode;
}

const MAX_LENGTH = 4096;
const MAX_NESTING = 32;

/** Where the parser stands in the text. */
interface Cursor {
  readonly text: string;
  position: number;
}

/**
 * Parses a PEP 508 requirement with the grammar that `packaging` 26 has, bounded in length and nesting. Stricter than it
 * where it would misread: both sides of a comparison variables or both texts, backslashes in texts, names ending in `_`.
 * Throws `bad-metadata` with the place.
 */
export function parseRequirement(text: string): Requirement {
  const cursor = begin(text);
  skipBlanks(cursor);
  const name = expect(cursor, NAME, 'a project name');
  skipBlanks(cursor);
  const extras = readExtras(cursor);
  skipBlanks(cursor);
  const url = take(cursor, /@/y) === undefined ? undefined : readUrl(cursor);
  const specifier = url === undefined ? readSpecifier(cursor) : '';
  skipBlanks(cursor);
  const marker = take(cursor, /;/y) === undefined ? undefined : readMarker(cursor, 0);
  expectEnd(cursor);
  return {
    name,
    project: normaliseProject(name),
    extras,
    specifier,
    ...(url !== undefined && { url }),
    ...(marker !== undefined && { marker }),
  };
}

/** Parses a marker that stands alone. Throws `bad-metadata`. */
export function parseMarker(text: string): MarkerNode {
  const cursor = begin(text);
  const marker = readMarker(cursor, 0);
  expectEnd(cursor);
  return marker;
}

const NAME = /[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?![A-Za-z0-9._-])/y;
const CLAUSE = /(?:===[ \t]*[^\s;)]*|(?:==|!=|~=|<=|>=|<|>)[ \t]*[A-Za-z0-9._!+*-]+)/y;
const MARKER_OPERATOR = /===|==|~=|!=|<=|>=|<|>|\bin\b|\bnot[ \t]+in\b/y;
const VARIABLE = /\b[a-z_]+(?:\.[a-z_]+)?\b/y;
const TEXT = /'[^'\\]*'|"[^"\\]*"/y;

function readExtras(cursor: Cursor): string[] {
  if (take(cursor, /\[/y) === undefined) return [];
  const extras = new Set<string>();
  skipBlanks(cursor);
  if (take(cursor, /\]/y) !== undefined) return [];
  do {
    skipBlanks(cursor);
    extras.add(normaliseProject(expect(cursor, NAME, 'the name of an extra')));
    skipBlanks(cursor);
  } while (take(cursor, /,/y) !== undefined);
  expect(cursor, /\]/y, 'a comma or "]"');
  return [...extras].sort();
}

/** PEP 508: the address ends at a blank; a marker needs a blank before its semicolon. */
function readUrl(cursor: Cursor): string {
  skipBlanks(cursor);
  return expect(cursor, /[^ \t]+/y, 'an address');
}

function readSpecifier(cursor: Cursor): string {
  const bracketed = take(cursor, /\(/y) !== undefined;
  const clauses: string[] = [];
  do {
    skipBlanks(cursor);
    const clause = take(cursor, CLAUSE);
    if (clause === undefined) break;
    clauses.push(clause);
    skipBlanks(cursor);
  } while (take(cursor, /,/y) !== undefined);
  skipBlanks(cursor);
  if (bracketed) expect(cursor, /\)/y, '")"');
  try {
    return parseSpecifier(clauses.join(','))
      .map(({ operator, version }) => operator + version)
      .join(',');
  } catch (cause) {
    if (cause instanceof RennetError) throw broken(cursor, cause.message);
    throw cause;
  }
}

/** `or` binds weaker than `and`. */
function readMarker(cursor: Cursor, depth: number): MarkerNode {
  const alternatives = [readConjunction(cursor, depth)];
  while (take(cursor, /\bor\b/y) !== undefined) alternatives.push(readConjunction(cursor, depth));
  return join('or', alternatives);
}

function readConjunction(cursor: Cursor, depth: number): MarkerNode {
  const parts = [readAtom(cursor, depth)];
  while (take(cursor, /\band\b/y) !== undefined) parts.push(readAtom(cursor, depth));
  return join('and', parts);
}

function join(kind: 'and' | 'or', nodes: readonly MarkerNode[]): MarkerNode {
  const [only] = nodes;
  return nodes.length === 1 && only !== undefined ? only : { kind, nodes };
}

function readAtom(cursor: Cursor, depth: number): MarkerNode {
  if (depth > MAX_NESTING) throw broken(cursor, `The marker is nested deeper than ${MAX_NESTING} levels`);
  skipBlanks(cursor);
  const bracketed = take(cursor, /\(/y) !== undefined;
  const node = bracketed ? readMarker(cursor, depth + 1) : readComparison(cursor);
  if (bracketed) expect(cursor, /\)/y, '")"');
  skipBlanks(cursor);
  return node;
}

function readComparison(cursor: Cursor): MarkerNode {
  const left = readOperand(cursor);
  skipBlanks(cursor);
  const operator = expect(cursor, MARKER_OPERATOR, 'a comparison').replace(/\s+/, ' ') as MarkerOperator;
  skipBlanks(cursor);
  const right = readOperand(cursor);
  if (left.variable !== undefined && right.value !== undefined) {
    return comparison(left.variable, operator, right.value, true);
  }
  if (left.value !== undefined && right.variable !== undefined) {
    return comparison(right.variable, operator, left.value, false);
  }
  throw broken(cursor, 'The marker must compare a variable with a text');
}

function comparison(variable: MarkerVariable, operator: MarkerOperator, value: string, first: boolean): MarkerNode {
  // PEP 685: names of extras are compared normalised.
  const text = variable === 'extra' ? normaliseProject(value) : value;
  return { kind: 'compare', variable, operator, value: text, variableFirst: first };
}

function readOperand(cursor: Cursor): { variable?: MarkerVariable; value?: string } {
  const text = take(cursor, TEXT);
  if (text !== undefined) return { value: text.slice(1, -1) };
  const word = take(cursor, VARIABLE)?.replace('.', '_');
  // Two spellings of PEP 345 that setuptools still writes.
  const name = word === 'python_implementation' ? 'platform_python_implementation' : word;
  const variable = MARKER_VARIABLES.find((known) => known === name);
  if (variable === undefined) throw broken(cursor, 'The marker needs a known variable or a quoted text');
  return { variable };
}

function begin(text: string): Cursor {
  const cursor = { text, position: 0 };
  if (text.length > MAX_LENGTH) throw broken(cursor, `It is longer than ${MAX_LENGTH} characters`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(text)) throw broken(cursor, 'It holds control characters');
  return cursor;
}

/** Reads what the sticky pattern matches here. */
function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.position;
  const found = pattern.exec(cursor.text)?.[0];
  cursor.position += found?.length ?? 0;
  return found;
}

function expect(cursor: Cursor, pattern: RegExp, what: string): string {
  const found = take(cursor, pattern);
  if (found === undefined) throw broken(cursor, `Expected ${what}`);
  return found;
}

function expectEnd(cursor: Cursor): void {
  skipBlanks(cursor);
  if (cursor.position < cursor.text.length) throw broken(cursor, 'Expected a comma, a semicolon or the end');
}

function skipBlanks(cursor: Cursor): void {
  take(cursor, /[ \t]*/y);
}

function broken(cursor: Cursor, reason: string): RennetError {
  const shown = JSON.stringify(cursor.text.slice(0, 200));
  return new RennetError('bad-metadata', `${reason} at character ${cursor.position + 1} of the requirement ${shown}.`);
}
