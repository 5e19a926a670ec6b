const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * Wraps a command so that it and everything it starts die with this process, `kill -9` included, and its mounts with it:
 * `setpriv --pdeathsig` for the direct child, a pid and mount namespace for the rest where root may have them.
 */
export function contained(command: readonly string[]): readonly [string, readonly string[]] {
  const tied = ['--pdeathsig', 'KILL'];
  return isRoot()
    ? ['setpriv', [...tied, 'unshare', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', ...command]]
    : ['setpriv', [...tied, ...command]];
}

/**
 * Wraps a command that handles a root's files: as it is for root; for others in a user namespace in which they are root,
 * so that what lies on their disk as theirs counts as root's.
 */
export function asRootOfFiles(command: readonly string[]): readonly string[] {
  return isRoot() ? command : ['unshare', '--map-root-user', ...command];
}

export const mmdebstrapMode = (): string => (isRoot() ? '--mode=root' : '--mode=unshare');
/** What tar needs to unpack a root for `asRootOfFiles`. */
export const tarOwnership = (): string => (isRoot() ? '--numeric-owner' : '--no-same-owner');
