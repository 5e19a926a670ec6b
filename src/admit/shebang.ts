const PYTHON = /^python(?:w|3(?:\.\d+)?)?$/;
const SHELLS: ReadonlyMap<string, string> = new Map([
  ['sh', '/bin/sh'],
  ['dash', '/bin/sh'],
  ['bash', '/bin/bash'],
]);

/**
 * The interpreter that a script gets in the package: Debian's Python for anything that asks for Python 3 (PEP 427 has
 * `#!python`), the essential shells for what asks for them; undefined for all others.
 */
export function interpreterOf(shebang: string): string | undefined {
  const words = shebang
    .replace(/^#!\s*/, '')
    .trim()
    .split(/\s+/);
  const first = words[0]?.split('/').at(-1) ?? '';
  const name = first === 'env' ? words.slice(1).find((word) => !word.startsWith('-') && !word.includes('=')) : first;
  if (name === undefined) return undefined;
  const base = name.split('/').at(-1) ?? '';
  return PYTHON.test(base) ? '/usr/bin/python3' : SHELLS.get(base);
}

/** The script with its first line replaced; the rest stays byte for byte, except that the new line ends with `\n`. */
export function rewriteShebang(script: Uint8Array, interpreter: string): Buffer {
  const end = script.indexOf(0x0a);
  const rest = end === -1 ? Buffer.alloc(0) : script.subarray(end + 1);
  return Buffer.concat([Buffer.from(`#!${interpreter}\n`), rest]);
}
