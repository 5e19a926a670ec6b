import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { publicKeyPath } from './signing-key.ts';

/**
 * The deb822 lines for a file in /etc/apt/sources.list.d/. Where a folder on the way to the archive is closed for apt's own
 * user `_apt`, comment lines say so with the command that opens it; without it `apt-get update` could not read the archive.
 */
export function sourcesText(state: StateFolder, suite: string, architectures: readonly string[]): string {
  const closed = closedFolders(state.archive);
  const advice =
    closed.length === 0
      ? ''
      : `# apt reads archives as the user _apt, who cannot pass these folders yet. Open them with:\n#   chmod o+x ${closed.map(shellWord).join(' ')}\n`;
  return advice + aptSource(state.archive, suite, architectures, publicKeyPath(state));
}

/** One deb822 source on a folder of this machine. */
export function aptSource(archive: string, suite: string, architectures: readonly string[], keyFile: string): string {
  return [
    'Types: deb',
    `URIs: file:${archive.split('/').map(encodeURIComponent).join('/')}`,
    `Suites: ${suite}`,
    'Components: main',
    ...(architectures.length > 0 ? [`Architectures: ${architectures.join(' ')}`] : []),
    `Signed-By: ${keyFile}`,
    '',
  ].join('\n');
}

/** Parents that others may not pass, outermost first; ones that do not exist yet are not closed. */
function closedFolders(path: string): string[] {
  const parents: string[] = [];
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) parents.unshift(folder);
  return parents.filter((folder) => {
    const found = statSync(folder, { throwIfNoEntry: false });
    return found !== undefined && (found.mode & 0o001) === 0;
  });
}

function shellWord(path: string): string {
  return /^[A-Za-z0-9/._-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
