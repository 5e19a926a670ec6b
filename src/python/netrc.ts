import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** User name and password for one host. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Reads the user's netrc (`$NETRC`, `~/.netrc`, `~/_netrc`: the places that pip looks at). */
export async function readNetrc(host: string): Promise<Login | undefined> {
  const named = process.env['NETRC'];
  const places =
    named === undefined || named === '' ? ['.netrc', '_netrc'].map((name) => join(homedir(), name)) : [named];
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined);
    if (text !== undefined) return parseNetrc(text, host);
  }
  return undefined;
}

/** Finds the login of a host, else the `default` entry. Macro definitions last until an empty line (netrc(5)). */
export function parseNetrc(text: string, host: string): Login | undefined {
  const withoutMacros = text.replaceAll(/^[ \t]*macdef[^\n]*\n(?:[^\n]+\n)*/gm, '');
  const tokens = [...withoutMacros.matchAll(/"((?:[^"\\]|\\.)*)"|#[^\n]*|(\S+)/g)].flatMap((match) => {
    if (match[1] !== undefined) return [match[1].replaceAll(/\\(.)/g, '$1')];
    return match[2] === undefined ? [] : [match[2]];
  });
  const logins = new Map<string, { username: string; password: string }>();
  let current = { username: '', password: '' };
  for (let at = 0; at < tokens.length; at += 1) {
    const word = tokens[at];
    if (word === 'default' || word === 'machine') {
      const name = word === 'default' ? '' : (tokens[(at += 1)] ?? '').toLowerCase();
      current = { username: '', password: '' };
      if (!logins.has(name)) logins.set(name, current);
    } else if (word === 'login' || word === 'user') current.username = tokens[(at += 1)] ?? '';
    else if (word === 'password') current.password = tokens[(at += 1)] ?? '';
    else if (word === 'account') at += 1;
  }
  return logins.get(host.toLowerCase()) ?? logins.get('');
}
