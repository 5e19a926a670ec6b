import { type ClaimRule, claimRule, claimsOf, clashDetail } from '../claims.ts';
import { isWithoutCommand } from '../companions.ts';
import { quoted } from '../../model/text.ts';
import type { Placed, RuleContext, TreeFinding, TreeRule } from './rule.ts';

const BIN = '/usr/bin/';

/** Rules on all files together, asked in this order; what one drops the next does not see. */
export const TREE_RULES: readonly TreeRule[] = [
  {
    name: 'command-twin',
    verdict: 'drop',
    why: 'commands that differ by nothing or only by case would hide one another; the first stays',
    finds(placed) {
      const seen = new Set<string>();
      return placed.flatMap((one) => {
        if (one.kind !== 'script') return [];
        const key = folded(one.path);
        const twin = seen.has(key);
        seen.add(key);
        return twin ? [{ placed: one, detail: 'has a twin among its own commands' }] : [];
      });
    },
  },
  {
    name: 'without-command',
    verdict: 'drop',
    why: 'where its own command is left out, a completion or manual page would serve a command of somebody else',
    finds(placed) {
      const commands = new Set(placed.flatMap(({ kind, path }) => (kind === 'script' ? [path.slice(BIN.length)] : [])));
      return placed.flatMap((one) =>
        one.kind === 'data' && isWithoutCommand(one.path, commands)
          ? [{ placed: one, detail: 'is for a command that is left out' }]
          : [],
      );
    },
  },
  {
    name: 'path-twins',
    verdict: 'reject',
    why: 'one of the two would win by chance on some file systems or readers',
    finds(placed) {
      const seen = new Map<string, Placed>();
      const found: TreeFinding[] = [];
      for (const one of placed) {
        const twin = seen.get(folded(one.path));
        if (twin)
          found.push({
            placed: one,
            detail: `${quoted(one.file.name)} and ${quoted(twin.file.name)} go to one path`,
          });
        seen.set(folded(one.path), one);
      }
      return found;
    },
  },
  {
    name: 'file-as-folder',
    verdict: 'reject',
    why: 'a path cannot be a file and a folder',
    finds(placed) {
      const files = new Set(placed.map(({ path }) => folded(path)));
      return placed.flatMap((one) => {
        const parts = folded(one.path).split('/');
        const clash = parts.some(
          (_, index) => index > 1 && index < parts.length && files.has(parts.slice(0, index).join('/')),
        );
        return clash ? [{ placed: one, detail: `${quoted(one.file.name)} lies below another file` }] : [];
      });
    },
  },
  {
    name: 'published-module',
    verdict: 'hold',
    names: true,
    why: 'another project has published this module first, so a person has to look',
    finds: (placed, context) => clashes(placed, 'published-module', context),
  },
  {
    name: 'published-program',
    verdict: 'hold',
    names: true,
    why: 'another project has published a command of this name first, so a person has to look',
    finds: (placed, context) => clashes(placed, 'published-program', context),
  },
  {
    name: 'published-path',
    verdict: 'hold',
    names: true,
    why: 'another project has published this path first, and two packages cannot have one path (policy 7.6.1)',
    finds: (placed, context) => clashes(placed, 'published-path', context),
  },
  {
    name: 'nothing-left',
    verdict: 'reject',
    why: 'a package without module or command is of no use',
    finds: (placed) =>
      placed.some(({ kind }) => kind === 'module' || kind === 'script')
        ? []
        : [{ detail: 'no module and no command is left of the wheel' }],
  },
];

function clashes(placed: readonly Placed[], rule: ClaimRule, { published, recipe }: RuleContext): TreeFinding[] {
  return claimsOf(placed, recipe).flatMap((claim) => {
    const owner = published.get(claim);
    return owner === undefined || claimRule(claim) !== rule ? [] : [{ detail: clashDetail(claim, owner) }];
  });
}

/** Equal for names that a case-insensitive or normalising file system takes for one. */
function folded(path: string): string {
  return path.normalize('NFKC').toLowerCase();
}
