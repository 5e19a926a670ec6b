import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { publicKeyPath } from './signing-key.ts';

/**
 * The deb822 lines for a file in /etc/apt/sources.list.d/, after the first publication. They work as printed, also where a folder on the way
 * is closed for others (a home folder of mode 0700), which apt's own user `_apt` then cannot pass: the signature is checked as
 * `_apt`, so the key stands in the lines themselves; indexes are unpacked as `_apt`, so `copy:` brings them over as root first.
 */
export function sourcesText(state: StateFolder, suite: string, architectures: readonly string[]): string {
  const keyFile = publicKeyPath(state);
  const isOpen = closedFolders(state.archive).length === 0;
  // Signed-By is cut at blanks, and a path may not be quoted there.
  if (isOpen && /^[!-~]+$/.test(keyFile)) return aptSource(`file:${state.archive}`, suite, architectures, keyFile);
  const scheme = isOpen ? 'file' : 'copy';
  return aptSource(`${scheme}:${state.archive}`, suite, architectures, embedded(readFileSync(keyFile, 'utf8')));
}

/** One deb822 source on a folder of this machine; `key` is what stands behind `Signed-By:`. */
export function aptSource(place: string, suite: string, architectures: readonly string[], key: string): string {
  return [
    'Types: deb',
    `URIs: ${place.split('/').map(encodeSegment).join('/')}`,
    `Suites: ${suite}`,
    'Components: main',
    ...(architectures.length > 0 ? [`Architectures: ${architectures.join(' ')}`] : []),
    `Signed-By:${key.startsWith('\n') ? '' : ' '}${key}`,
    '',
  ].join('\n');
}

/** A key block as a field value (sources.list(5), Signed-By): each line indented, an empty one as a dot. */
export function embedded(armour: string): string {
  return armour
    .trimEnd()
    .split('\n')
    .map((line) => `\n ${line === '' ? '.' : line}`)
    .join('');
}

/** `:` and `+` stay as people know them; apt 2.6 reads them either way. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%3A', ':').replaceAll('%2B', '+');
}

/** Parents that others may not pass, outermost first. */
function closedFolders(path: string): string[] {
  const folders: string[] = [];
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) folders.unshift(folder);
  return folders.filter((folder) => {
    const found = statSync(folder, { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o001) === 0;
  });
}
