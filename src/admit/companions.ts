/** Files in shared folders that are there for the sake of one command: completions, and manual pages of sections 1, 6 and 8. */
const COMPANION =
  /^\/usr\/share\/(?:bash-completion\/completions\/([^/]+)|fish\/vendor_completions\.d\/([^/]+)\.fish|man\/(?:[^/]+\/)?man[168]\/([^/]+)\.[168][a-z0-9]*\.gz)$/;

/** True for a command and for `command-…`, as the pages of its subcommands are called. */
export function isOfCommand(subject: string, commands: ReadonlySet<string>): boolean {
  if (commands.has(subject)) return true;
  for (let dash = subject.indexOf('-'); dash > 0; dash = subject.indexOf('-', dash + 1))
    if (commands.has(subject.slice(0, dash))) return true;
  return false;
}

/** True for a file that serves none of these commands; `path` is its path in the package. */
export function isWithoutCommand(path: string, commands: ReadonlySet<string>): boolean {
  const [, bash, fish, page] = COMPANION.exec(path) ?? [];
  const completed = bash ?? fish;
  if (completed !== undefined) return !commands.has(completed);
  return page !== undefined && !isOfCommand(page, commands);
}
