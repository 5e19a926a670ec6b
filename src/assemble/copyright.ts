import type { CoreMetadata } from '../model/release.ts';
import { isHomepage } from '../debian/control.ts';
import { licenceOf, type Licence } from './licence.ts';

/** Texts that every Debian system has; policy 12.5 asks to refer to them. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ['Apache-2.0', 'Apache-2.0'],
  ['CC0-1.0', 'CC0-1.0'],
  ['GPL-1', 'GPL-1'],
  ['GPL-1+', 'GPL-1'],
  ['GPL-2', 'GPL-2'],
  ['GPL-2+', 'GPL-2'],
  ['GPL-3', 'GPL-3'],
  ['GPL-3+', 'GPL-3'],
  ['LGPL-2', 'LGPL-2'],
  ['LGPL-2+', 'LGPL-2'],
  ['LGPL-2.1', 'LGPL-2.1'],
  ['LGPL-2.1+', 'LGPL-2.1'],
  ['LGPL-3', 'LGPL-3'],
  ['LGPL-3+', 'LGPL-3'],
  ['MPL-1.1', 'MPL-1.1'],
  ['MPL-2.0', 'MPL-2.0'],
]);
const MAX_NOTICES = 30;
const MAX_TEXT = 65_536;

/** The copyright file of a package (copyright-format 1.0), and what its licence was read from. All input is hostile text. */
export function copyrightFile(
  metadata: CoreMetadata,
  texts: readonly { readonly name: string; readonly text: string }[],
  homepage: string | undefined,
): { text: string; licence: Licence } {
  const licence = licenceOf(
    metadata,
    texts.map(({ text }) => text),
  );
  const comment =
    licence.from === 'nothing'
      ? 'Upstream states no licence in a form that could be read; whether the package may be passed on is unknown.'
      : `The licence was read from the ${SOURCES[licence.from]} of the release by a program, not by a person.`;
  const lines = [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    `Upstream-Name: ${oneLine(metadata.name)}`,
    ...folded('Upstream-Contact', contacts(metadata)),
    ...(homepage !== undefined && isHomepage(homepage) ? [`Source: ${homepage}`] : []),
    `Comment: ${comment}`,
    '',
    'Files: *',
    ...folded('Copyright', notices(metadata, texts)),
    ...folded(`License: ${licence.name}`, licenceBody(licence, texts), ''),
  ];
  return { text: `${lines.join('\n')}\n`, licence };
}

/** Who to ask, one a line (copyright-format 1.0); none where the metadata names nobody. */
function contacts({ author, authorEmail, maintainer, maintainerEmail }: CoreMetadata): string[] {
  const people = [
    [author, authorEmail],
    [maintainer, maintainerEmail],
  ].map(([name, email]) => {
    // An address may have names of its own (`A <a@x.example.org>, B <b@x.example.org>`).
    const isBare = name !== undefined && email !== undefined && !email.includes('<');
    return isBare ? `${oneLine(name)} <${oneLine(email)}>` : [name, email].map((text) => oneLine(text ?? '')).join(' ');
  });
  return [...new Set(people.map((person) => person.trim()))].filter((person) => person !== '');
}

const SOURCES: Readonly<Record<Exclude<Licence['from'], 'nothing'>, string>> = {
  expression: 'licence expression',
  classifier: 'classifiers',
  field: 'licence field',
  text: 'licence text',
};

/** Copyright lines of the texts; the authors where there are none. */
function notices(metadata: CoreMetadata, texts: readonly { readonly text: string }[]): string[] {
  const found = texts.flatMap(({ text }) => text.split(/\r?\n/).map(oneLine).filter(isNotice));
  const lines = [...new Set(found)].slice(0, MAX_NOTICES);
  if (lines.length > 0) return lines;
  const people = [metadata.author ?? metadata.authorEmail, metadata.maintainer ?? metadata.maintainerEmail];
  const named = [...new Set(people.flatMap((person) => (person === undefined ? [] : [oneLine(person)])))].filter(
    (person) => person !== '',
  );
  return [named.length > 0 ? `not stated; by ${named.join(', ')}` : 'not stated'];
}

/** `line` is short: the pattern takes quadratic time on a long one. */
function isNotice(line: string): boolean {
  return /^\W*(?:copyright\b|\(c\)|©).*\d{4}/i.test(line);
}

/** References to the common licences, and the other texts as upstream wrote them. */
function licenceBody({ parts }: Licence, texts: readonly { readonly name: string; readonly text: string }[]): string[] {
  const common = [...new Set(parts.flatMap((part) => COMMON.get(part) ?? []))];
  const lines = common.map((name) => `On Debian systems the full text is in /usr/share/common-licenses/${name}.`);
  // Policy 12.5: not a copy of what every system has; upstream's files are in the dist-info folder all the same.
  const own = texts.filter(({ text }) => !isCommonText(text));
  for (const { name, text } of own) {
    lines.push(...(lines.length > 0 ? [''] : []), `${oneLine(name)}:`, '');
    lines.push(...text.slice(0, MAX_TEXT).split(/\r?\n/).map(textLine));
  }
  return lines.length > 0 ? lines : ['Upstream ships no licence text.'];
}

function isCommonText(text: string): boolean {
  const plain = text.slice(0, 4000).replace(/\s+/g, ' ');
  return /Apache License,? Version 2\.0, January 2004|GNU (?:LESSER |LIBRARY )?GENERAL PUBLIC LICENSE Version|Mozilla Public License,? Version (?:1\.1|2\.0)/i.test(
    plain,
  );
}

/** A field with one value per line; blank lines become ` .` (policy 5.6.13). */
function folded(field: string, values: readonly string[], separator = ':'): string[] {
  if (values.length === 0) return [];
  const body = values.map((line) => (line.trim() === '' ? ' .' : ` ${line}`));
  return separator === ''
    ? [field, ...body]
    : [`${field}${separator}${body[0] ?? ''}`, ...body.slice(1).map((line) => ` ${line}`)];
}

function oneLine(text: string): string {
  return textLine(text.slice(0, 2000).replace(/\s+/g, ' ')).trim().slice(0, 300);
}

/** Nothing that does not print, no line that is a lone dot. */
function textLine(line: string): string {
  const plain = line
    .toWellFormed()
    .replace(/\t/g, '    ')
    .replace(/[\p{C}\p{Zl}\p{Zp}\ufffd]/gu, '')
    .trimEnd()
    .slice(0, 1000);
  return /^\s*\.\s*$/.test(plain) ? '' : plain;
}
