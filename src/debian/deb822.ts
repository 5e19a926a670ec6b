import { RennetError } from '../model/errors.ts';

/**
 * One paragraph: field names as written → value. Continuation lines keep their leading blank and stand behind `\n`, so
 * that a value can be written back as it is.
 */
export type Stanza = ReadonlyMap<string, string>;

export interface StanzaLimits {
  /** Longest line in UTF-16 units; 1 MiB when absent. */
  readonly maxLine?: number;
  /** Longest stanza in UTF-16 units; 4 MiB when absent. */
  readonly maxStanza?: number;
  /** True for files with `#` lines, such as apt's `.sources`; these lines are left out. */
  readonly comments?: boolean;
}

/**
 * Reads all stanzas of a deb822 text (deb822(5)). Errors: `bad-deb822` for anything that is not plain deb822, doubled fields and
 * lines of blanks included: apt and dpkg differ on these.
 */
export function parseStanzas(text: string, limits: StanzaLimits = {}): Stanza[] {
  const { maxLine = 1024 * 1024, maxStanza = 4 * 1024 * 1024, comments = false } = limits;
  const stanzas: Stanza[] = [];
  let position = 0;
  while (position < text.length) {
    let end = text.indexOf('\n\n', position);
    if (end < 0) end = text.length;
    if (end - position > maxStanza) throw bad('a stanza is too long');
    const stanza = parseStanza(text.slice(position, end), maxLine, comments);
    if (stanza.size > 0) stanzas.push(stanza);
    position = end + 2;
  }
  return stanzas;
}

function parseStanza(text: string, maxLine: number, comments: boolean): Stanza {
  const fields = new Map<string, string>();
  const seen = new Set<string>();
  let name = '';
  for (const line of text.split('\n')) {
    if (line.length > maxLine) throw bad('a line is too long');
    if (line === '' || (comments && line.startsWith('#'))) continue;
    const first = line.charCodeAt(0);
    if (first === 32 || first === 9) {
      if (name === '' || line.trim() === '') throw bad('a line of blanks stands where none may');
      fields.set(name, `${fields.get(name) ?? ''}\n${line}`);
      continue;
    }
    const colon = line.indexOf(':');
    name = line.slice(0, Math.max(colon, 0));
    if (!/^[!-"$-,.-9;-~][!-9;-~]*$/.test(name)) throw bad(`${JSON.stringify(line.slice(0, 80))} is no field`);
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw bad(`the field ${name} stands twice`);
    seen.add(folded);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/**
 * Writes one stanza, newline at the end. A value is one line; an array is a first line and its continuation lines, where an
 * empty one becomes ` .`. Errors: `bad-deb822` for a newline, a control character or a broken name: one of these in a
 * Packages file injects a package or makes apt fail for all sources of a user.
 */
export function formatStanza(fields: Iterable<readonly [name: string, value: string | readonly string[]]>): string {
  const seen = new Set<string>();
  let text = '';
  for (const [name, value] of fields) {
    const folded = name.toLowerCase();
    if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(name) || seen.has(folded)) throw bad(`the field name ${JSON.stringify(name)}`);
    seen.add(folded);
    const [first = '', ...more] = typeof value === 'string' ? [value] : value;
    for (const line of [first, ...more]) {
      if (/[\p{Cc}\u2028\u2029]/u.test(line) || !line.isWellFormed())
        throw bad(`the field ${name} holds a control character`);
    }
    text += first === '' ? `${name}:\n` : `${name}: ${first}\n`;
    for (const line of more) text += line.trim() === '' ? ' .\n' : ` ${line}\n`;
  }
  return text;
}

function bad(why: string): RennetError {
  return new RennetError('bad-deb822', `The text is not in Debian's control format: ${why}.`);
}
