import { RennetError } from '../model/errors.ts';
import type { CoreMetadata } from '../model/release.ts';
import { isProjectName } from '../model/project-name.ts';
import { canonicalVersion } from './version.ts';

/** Core metadata, with one sentence for each thing that was mended or passed over. */
export interface ParsedMetadata extends CoreMetadata {
  readonly notes: readonly string[];
}

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_FIELDS = 20_000;
const MAX_SHOWN = 300;

/** Fields whose value may have several lines; in all others a line end or control character is refused or unfolded. */
const MULTI_LINE = new Set(['description', 'license']);

/** The fields of one file: lower-case name → values in order; `body` is what follows the first blank line. */
interface Fields {
  /** All of them in order, names as written, values at most MAX_SHOWN characters long. */
  readonly list: { name: string; value: string }[];
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  readonly notes: string[];
}

/**
 * Reads METADATA or PKG-INFO as Python's `email` parser does, up to 8 MiB and 20,000 fields. `version` is in normal
 * form, `dynamic` in lower case, everything else as written. All text stays hostile.
 * Throws `bad-metadata` where Name or Version is missing, doubled or odd, or a single-line field holds control characters.
 */
export function parseMetadata(bytes: Uint8Array): ParsedMetadata {
  if (bytes.length > MAX_BYTES) throw refused(`is larger than ${MAX_BYTES} bytes`);
  const fields = readFields(decode(bytes));
  const one = (name: string) => single(fields, name);
  const many = (name: string) => fields.values.get(name) ?? [];
  const description = one('description') ?? (fields.body.trim() === '' ? undefined : fields.body);
  return {
    metadataVersion: metadataVersion(fields),
    name: identity(fields, 'name', (text) => (isProjectName(text) ? text : undefined)),
    version: identity(fields, 'version', canonicalVersion),
    projectUrls: many('project-url').map(projectUrl),
    licenseFiles: many('license-file'),
    classifiers: many('classifier'),
    requiresDist: many('requires-dist'),
    providesExtra: many('provides-extra'),
    dynamic: many('dynamic').map((name) => name.toLowerCase()),
    ...present('summary', one('summary')),
    ...present('description', description && unindent(description)),
    ...present('descriptionContentType', one('description-content-type')),
    ...present('homePage', one('home-page')),
    ...present('author', one('author')),
    ...present('authorEmail', one('author-email')),
    ...present('maintainer', one('maintainer')),
    ...present('maintainerEmail', one('maintainer-email')),
    ...present('license', one('license')),
    ...present('licenseExpression', one('license-expression')),
    ...present('keywords', one('keywords')),
    ...present('requiresPython', one('requires-python')),
    fields: fields.list,
    notes: fields.notes,
  };
}

function present<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
}

function decode(bytes: Uint8Array): { text: string; notes: string[] } {
  const notes: string[] = [];
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = new TextDecoder('utf-8').decode(bytes);
    notes.push('The metadata is not UTF-8; bytes that could not be read were replaced.');
  }
  // Python opens the file with universal line ends.
  return { text: text.replaceAll(/\r\n?/g, '\n'), notes };
}

/** RFC 822 headers up to the first blank line, or the first line that is no header, as Python's `email` has it. */
function readFields({ text, notes }: { text: string; notes: string[] }): Fields {
  const values = new Map<string, string[]>();
  const list: Fields['list'] = [];
  let count = 0;
  let position = 0;
  while (position < text.length) {
    const end = lineEnd(text, position);
    const line = text.slice(position, end);
    if (line === '') return { list, values, body: text.slice(end + 1), notes };
    // `From `, a nameless field and a continuation of nothing are passed over with what continues them.
    const [, name, first] = /^(From |[\x21-\x39\x3b-\x7e]*:|[ \t])(.*)$/s.exec(line) ?? [];
    if (name === undefined || first === undefined) {
      notes.push('The metadata has a line without a field name; what follows was read as description.');
      return { list, values, body: text.slice(position), notes };
    }
    position = end + 1;
    const lines = [first];
    while (text[position] === ' ' || text[position] === '\t') {
      const next = lineEnd(text, position);
      lines.push(text.slice(position, next));
      position = next + 1;
    }
    count += 1;
    if (count > MAX_FIELDS) throw refused(`has more than ${MAX_FIELDS} fields`);
    if (/^(?::|From |[ \t])$/.test(name)) notes.push('The metadata has a line that is no field; it was passed over.');
    else {
      const value = addField(values, name.slice(0, -1).toLowerCase(), lines);
      list.push({ name: name.slice(0, -1), value: value.slice(0, MAX_SHOWN) });
    }
  }
  return { list, values, body: '', notes };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function addField(values: Map<string, string[]>, name: string, lines: readonly string[]): string {
  const multiLine = MULTI_LINE.has(name);
  const value = multiLine
    ? lines.join('\n').trim()
    : lines
        .map((line) => line.trim())
        .join(' ')
        .trim();
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (!multiLine && /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(value)) {
    throw refused(`has control characters in the field ${name}`);
  }
  const known = values.get(name);
  if (known) known.push(value);
  else values.set(name, [value]);
  return value;
}

/** The first value; distutils wrote UNKNOWN for what it did not know. */
function single(fields: Fields, name: string): string | undefined {
  const values = fields.values.get(name);
  if (values !== undefined && values.length > 1)
    fields.notes.push(`The metadata has the field ${name} more than once.`);
  const value = values?.[0];
  return value === '' || value === 'UNKNOWN' ? undefined : value;
}

function identity(fields: Fields, name: string, read: (text: string) => string | undefined): string {
  const values = fields.values.get(name) ?? [];
  if (values.length !== 1) throw refused(`has ${values.length === 0 ? 'no' : 'more than one'} ${name}`);
  const value = read(values[0] ?? '');
  if (value === undefined) throw refused(`has the odd ${name} ${JSON.stringify(values[0]?.slice(0, 100))}`);
  return value;
}

function metadataVersion(fields: Fields): string {
  const value = single(fields, 'metadata-version') ?? '1.0';
  if (!/^[12]\.[0-9]{1,2}$/.test(value))
    throw refused(`has the unknown Metadata-Version ${JSON.stringify(value.slice(0, 20))}`);
  return value;
}

function projectUrl(value: string): { label: string; url: string } {
  const comma = value.indexOf(',');
  return { label: value.slice(0, Math.max(comma, 0)).trim(), url: value.slice(comma + 1).trim() };
}

/** Folded descriptions of Metadata 1.x: every further line begins with eight blanks, or seven and a bar. */
function unindent(description: string): string {
  const [first, ...rest] = description.split('\n');
  const folded = rest.length > 0 && rest.every((line) => /^(?: {8}| {7}\||\s*$)/.test(line));
  return folded ? [first, ...rest.map((line) => line.replace(/^(?: {8}| {7}\|)/, ''))].join('\n') : description;
}

function refused(what: string): RennetError {
  return new RennetError('bad-metadata', `The metadata ${what}, so the release cannot be read.`);
}
