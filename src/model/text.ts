/** Terminal control sequences (ECMA-48). */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;
/** What does not print or changes the order of what does: controls, zero-width and bidirectional characters. */
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Makes hostile text safe to show on a terminal; keeps tab and newline. */
export function plainText(text: string): string {
  return text.replace(ESCAPES, '').replace(UNPRINTABLE, '');
}

/** A hostile name as it may stand in a sentence: quoted, ASCII escapes for what does not print, at most 160 characters. */
export function quoted(name: string): string {
  const shown = name.length > 160 ? `${name.slice(0, 157)}...` : name;
  const escape = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  return `'${shown.replace(/[\p{C}\p{Zl}\p{Zp}'\\]/gu, escape)}'`;
}
