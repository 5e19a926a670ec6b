import { interpreterOf } from '../shebang.ts';
import { quoted } from '../../model/text.ts';
import { distributionCommand } from '../distribution-commands.ts';
import type { FileRule } from './rule.ts';

/** Rules on what goes to /usr/bin, launchers of entry points included. */
export const SCRIPT_RULES: readonly FileRule[] = [
  {
    name: 'script-name',
    verdict: 'drop',
    why: 'a command has a plain ASCII name and stands directly in /usr/bin',
    finds: ({ kind, path }) =>
      kind === 'script' && !/^\/usr\/bin\/[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(path)
        ? 'is no fit name for a command'
        : undefined,
  },
  {
    name: 'script-interpreter',
    verdict: 'drop',
    why: 'only Python, sh, bash and compiled programs have all that they need',
    finds({ kind, file }) {
      if (kind !== 'script' || file.elf !== undefined) return undefined;
      if (file.shebang === undefined) return 'is no program (no #! line)';
      return interpreterOf(file.shebang) === undefined ? `wants the interpreter ${quoted(file.shebang)}` : undefined;
    },
  },
  {
    name: 'official-program',
    verdict: 'drop',
    names: true,
    why: 'it would be run in place of a command of the distribution; the modules are of use without it',
    finds({ kind, path }, { official }) {
      if (kind !== 'script') return undefined;
      const file = official.fileOwner(path);
      const owner = distributionCommand(commandOf(path), official) ?? (file && `the official package ${file}`);
      return owner && `has the name of a command of ${owner}`;
    },
  },
];

function commandOf(path: string): string {
  return path.slice('/usr/bin/'.length);
}
