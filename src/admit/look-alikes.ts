/** Pairs that are hard to tell apart in common fonts, in lower case. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['0', 'o'],
  ['1', 'l'],
  ['rn', 'm'],
  ['vv', 'w'],
];

/** The names that differ from a name in one such pair at one place; the name itself is not among them. Pure. */
export function lookAlikes(name: string): string[] {
  const prefix = name.startsWith('python3-') ? 'python3-' : '';
  const stem = name.slice(prefix.length);
  const found = new Set<string>();
  for (const [left, right] of PAIRS)
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const)
      for (let at = stem.indexOf(from); at !== -1; at = stem.indexOf(from, at + 1))
        found.add(`${prefix}${stem.slice(0, at)}${to}${stem.slice(at + from.length)}`);
  return [...found];
}
