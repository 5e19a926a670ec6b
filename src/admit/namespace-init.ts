/** What an `__init__.py` does: only declares a namespace, nothing at all, or something else (undefined). */
export type InitKind = 'namespace' | 'nothing' | undefined;

/** Longer ones do more than to declare. */
export const MAX_INIT_BYTES = 8 * 1024;

/** Statements that declare a namespace, blanks folded and quotes made equal. */
const DECLARING: readonly RegExp[] = [
  /^__import__\("pkg_resources"\)\.declare_namespace\(__name__\)$/,
  /^(?:pkg_resources\.)?declare_namespace\(__name__\)$/,
  /^__path__ ?(?:: ?[A-Za-z[\]. ]{1,40})?= ?(?:__import__\("pkgutil"\)\.|pkgutil\.)?extend_path\(__path__, ?__name__\)$/,
];
/** Statements that may stand around them: guards, and what the declaring ones import. */
const AROUND: readonly RegExp[] = [
  /^(?:try|except|except \w+|except \(\w+(?:, ?\w+)*\)|else|finally):$/,
  /^import (?:pkgutil|pkg_resources|typing)$/,
  /^from pkgutil import extend_path$/,
  /^from pkg_resources import declare_namespace$/,
  /^from typing import [\w, ]+$/,
  /^from __future__ import [\w, ]+$/,
  /^pass$/,
];

/**
 * Reads an `__init__.py` as far as that is needed to know that it only declares a namespace: line by line against the known forms
 * (packaging.python.org, "Packaging namespace packages"), comments and a docstring aside. Whatever else stands in it makes it code.
 */
export function initKindOf(source: string): InitKind {
  const statements = withoutDocstring(source)
    .replace(/\\\r?\n/g, ' ')
    .split(/\r\n|\r|\n|;/)
    .map((line) =>
      line
        .replace(/(?:^|\s)#.*$/, '')
        .trim()
        .replace(/\s+/g, ' ')
        .replaceAll("'", '"'),
    )
    // `try: import x` on one line.
    .flatMap((line) => /^((?:try|else|finally|except)\b[^:"]*:) (.+)$/.exec(line)?.slice(1) ?? [line])
    .filter((line) => line !== '');
  if (statements.length === 0) return 'nothing';
  const declares = statements.some((line) => DECLARING.some((form) => form.test(line)));
  const known = statements.every((line) => [...DECLARING, ...AROUND].some((form) => form.test(line)));
  return known && declares ? 'namespace' : undefined;
}

/** Comments and one string before the first statement do nothing. */
function withoutDocstring(source: string): string {
  const body = source.replace(/^\ufeff/, '').replace(/^(?:[ \t]*(?:#[^\n]*)?\r?\n)*/, '');
  const mark = /^[rRuU]?("""|'''|"|')/.exec(body);
  if (!mark) return body;
  const [opening, quote = ''] = mark;
  const end = body.indexOf(quote, opening.length);
  const inside = body.slice(opening.length, end);
  // A string that is more than text (escapes, one that goes on over lines) is left to stand, as code.
  if (end === -1 || inside.includes('\\') || (quote.length === 1 && inside.includes('\n'))) return body;
  const rest = body.slice(end + quote.length);
  return /^[ \t]*(?:[;#\r\n]|$)/.test(rest) ? rest : body;
}
