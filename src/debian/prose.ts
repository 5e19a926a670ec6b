/** More is not read: the first part of a description stands at its beginning. Short lines bound what the patterns below can cost. */
const MAX_INPUT = 40_000;
const MAX_LINE = 2000;

/** Stands as a paragraph of its own where a title was. */
export const TITLE = '\u0001';

/**
 * The paragraphs of a long description without its markup (reStructuredText, Markdown, HTML; PEP 566 content types), as far as that is
 * prose: code, tables, directives, images and rules are left out. Lines within a paragraph are joined. Linear in the input.
 */
export function proseOf(text: string, contentType: string): string[] {
  const isMarkdown = /markdown/i.test(contentType);
  const isRst = !isMarkdown && !/text\/plain/i.test(contentType);
  const plain = withoutHtml(text.slice(0, MAX_INPUT).replace(/\r\n?/g, '\n'));
  const raw = plain.split('\n').map((line) => line.slice(0, MAX_LINE));
  const lines = isMarkdown ? markdownLines(raw) : isRst ? rstLines(raw) : raw;
  const inline = isRst ? rstInline : markdownInline;
  return joinParagraphs(lines).map((paragraph) => inline(paragraph));
}

function withoutHtml(text: string): string {
  return text
    .replace(/<!--[^]*?(?:-->|$)/g, '\n\n')
    .replace(/<(pre|script|style|table|h[1-6]|svg)\b[^]*?(?:<\/\1>|$)/gi, '\n\n')
    .replace(/<\/?(?:p|div|br|center|li|ul|ol|details|summary)\b[^<>]{0,500}>/gi, '\n\n')
    .replace(/<\/?[a-z][a-z0-9-]*(?:\s[^<>]{0,1000})?\/?>/gi, '')
    .replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_, name: string) => ENTITIES[name] ?? ' ');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

function markdownLines(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let fence = '';
  for (const line of lines) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1] ?? '';
    if (fence !== '') {
      if (mark.startsWith(fence)) fence = '';
      kept.push('');
    } else if (mark !== '') {
      fence = mark;
      kept.push('');
    } else if (/^\s*(?:\||\[[^\]]+\]:)|^(?: {4}|\t)/.test(line)) kept.push('');
    else if (/^\s*(?:=+|-{2,})\s*$/.test(line)) kept.splice(-1, 1, '', TITLE, '');
    else if (/^\s{0,3}#{1,6}(?:\s|$)/.test(line)) kept.push('', TITLE, '');
    else kept.push(...listItem(line.replace(/^\s*>+ ?/, '')));
  }
  return kept;
}

function rstLines(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let skipIndented = false;
  for (const line of lines) {
    const isIndented = /^\s+\S/.test(line);
    if (line.trim() === '') kept.push('');
    else if (skipIndented && isIndented) kept.push('');
    else if (/^\s*(?:\.\.(?:\s|$)|__\s)/.test(line)) {
      // Directives, comments and link targets, with the block that belongs to them.
      skipIndented = true;
      kept.push('');
    } else if (/^\s*(?:>>>|\+[-=+]+\+|\||:[\w -]+:(?:\s|$))/.test(line)) kept.push('');
    else if (/^([=\-`:.'"~^_*+#])\1{2,}[\s=]*$/.test(line)) {
      skipIndented = false;
      // The underline of a title: the line above is no prose.
      if (kept.at(-1)?.trim() !== '') kept.splice(-1, 1, '');
      kept.push('', TITLE, '');
    } else {
      skipIndented = /::\s*$/.test(line);
      kept.push(...listItem(line.replace(/\s*::\s*$/, ':')));
    }
  }
  return kept;
}

/** Each list item stands as a paragraph of its own. */
function listItem(line: string): string[] {
  const item = /^\s*(?:[-*+•]|\d{1,3}[.)])\s+(.*)$/.exec(line);
  return item ? ['', `* ${item[1] ?? ''}`] : [line];
}

function joinParagraphs(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.trim())
    .join('\n')
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '');
}

function markdownInline(text: string): string {
  return text
    .replace(/\[!\[[^\]]{0,300}\]\([^()]{0,1000}\)\](?:\([^()]{0,1000}\)|\[[^\]]{0,300}\])/g, '')
    .replace(/!\[[^\]]{0,300}\](?:\([^()]{0,1000}\)|\[[^\]]{0,300}\])/g, '')
    .replace(/\[([^\][]{1,500})\](?:\([^()]{0,1000}\)|\[[^\]]{0,300}\])/g, '$1')
    .replace(/<(https?:[^<>\s]{1,500})>/g, '$1')
    .replace(/(\*\*|__)(?=\S)([^*_]{1,500})\1/g, '$2')
    .replace(/(^|[\s(])[*_](?=\S)([^*_]{1,500})[*_](?=[\s.,;:!?)]|$)/g, '$1$2')
    .replace(/`{1,2}([^`]{1,500})`{1,2}/g, '$1')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1');
}

function rstInline(text: string): string {
  return text
    .replace(/\|[^|\s][^|]{0,200}\|_{0,2}/g, '')
    .replace(/:[a-z][a-z:+-]{0,40}:`([^`<]{1,500}?)(?:\s*<[^`<>]{0,1000}>)?`/gi, '$1')
    .replace(/`([^`<]{1,500}?)\s*<[^`<>]{0,1000}>`_{1,2}/g, '$1')
    .replace(/``([^`]{1,500})``/g, '$1')
    .replace(/`([^`]{1,500})`_{0,2}/g, '$1')
    .replace(/\*\*(?=\S)([^*]{1,500})\*\*/g, '$1')
    .replace(/(^|[\s(])\*(?=\S)([^*]{1,500})\*(?=[\s.,;:!?)]|$)/g, '$1$2')
    .replace(/(\w)_(?=[\s.,;:!?)]|$)/g, '$1')
    .replace(/\s*\[(?:#\w*|\d+|\*)\]_?/g, '');
}
