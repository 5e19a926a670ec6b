import { proseOf, TITLE } from './prose.ts';

/** A package description before folding: no markup, no control characters. */
export interface Description {
  /** One line, 1 to 80 characters. */
  readonly synopsis: string;
  /** Lines of the extended description; an empty string separates paragraphs (written as ` .`). */
  readonly extended: readonly string[];
}

const WIDTH = 78;
const MAX_LINE = 150;
const MAX_PARAGRAPHS = 4;
const MAX_CHARACTERS = 1200;

/**
 * A description from core metadata: the summary, the readable first part of the long description, and always the
 * sentence that tells where the package comes from, `fromWheel` where that is no source. All input is hostile text; any of it may be absent.
 */
export function descriptionFrom(
  summary: string | undefined,
  longDescription: string | undefined,
  contentType: string | undefined,
  project: string,
  version: string,
  fromWheel = false,
): Description {
  const name = cleanLine(project);
  const synopsis = synopsisFrom(summary ?? '', name);
  const paragraphs = [...firstParagraphs(proseOf(longDescription ?? '', contentType ?? ''), synopsis)];
  const release = `release ${cleanLine(version)} of the project ${name} on PyPI by Rennet`;
  paragraphs.push(
    fromWheel
      ? `This package was made automatically from upstream's own wheel of ${release}; nothing of it was built from source.`
      : `This package was built automatically from ${release}.`,
  );
  return { synopsis, extended: paragraphs.flatMap((text, index) => [...(index > 0 ? [''] : []), ...wrap(text)]) };
}

/** lintian's errors: a single word, and a synopsis that begins with the package's name. */
function synopsisFrom(summary: string, name: string): string {
  const line = shorten(cleanLine(summary.slice(0, 1000)).replace(/[.\s]+$/, ''), 80);
  const isUsable = /\S\s+\S/.test(line) && !line.toLowerCase().startsWith(`python3-${name}`);
  return isUsable ? line : shorten(`Python project ${name}`, 80);
}

/** Paragraphs of prose up to the first title that follows them; what is left of badges, code and tables is passed over. */
function* firstParagraphs(paragraphs: readonly string[], synopsis: string): Generator<string> {
  let count = 0;
  let characters = 0;
  for (const paragraph of paragraphs) {
    if (paragraph === TITLE && count > 0) return;
    const text = cleanLine(paragraph);
    // Prose has words and an end; what is left of badges, tables and titles has not.
    const isProse = text.length >= 40 && /\p{L}{2,}\s+\p{L}{2,}\s+\p{L}/u.test(text) && /[.!?:)"']$/.test(text);
    if (!isProse) continue;
    if (text.startsWith('.') || lettersOf(text) === lettersOf(synopsis)) continue;
    const room = MAX_CHARACTERS - characters;
    if (count >= MAX_PARAGRAPHS || room < 100) return;
    yield shorten(text, room);
    count += 1;
    characters += text.length;
  }
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

/** One line of plain text: blanks folded, characters of class C (control, bidi, zero width, private) left out. */
function cleanLine(text: string): string {
  return text
    .toWellFormed()
    .normalize('NFC')
    .replace(/[\s\p{Z}]+/gu, ' ')
    .replace(/[\p{C}\ufffd]/gu, '')
    .trim();
}

/** Cuts at a word and says so. */
function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '');
  const blank = cut.lastIndexOf(' ');
  return `${(blank > length / 2 ? cut.slice(0, blank) : cut).replace(/[\s,;:.-]+$/, '')}…`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((long) => long.match(/.{1,100}/gsu) ?? [])) {
    // A line that begins with a dot is reserved (policy 5.6.13), so `.NET` stays on the line before.
    const isFull = line.length + 1 + word.length > (word.startsWith('.') ? MAX_LINE : WIDTH);
    if (line !== '' && !isFull) line += ` ${word}`;
    else {
      lines.push(line);
      line = word.replace(/^\.+/, '');
    }
  }
  return [...lines, line].filter((each) => each.trim() !== '');
}
