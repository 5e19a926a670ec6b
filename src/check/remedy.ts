import { plainText } from '../model/text.ts';
import type { CheckFacts } from './facts.ts';
import type { CheckedTree } from './rules/rule.ts';

/** What makes a good package of one that a check found a defect in. */
export type Remedy =
  | { readonly kind: 'require'; readonly project: string; readonly why: string }
  | { readonly kind: 'leave-out'; readonly commands: readonly { readonly path: string; readonly why: string }[] };

/** Modules of setuptools: every environment that pip made before Python 3.12 had them (PEP 632), so hardly anybody declared them. */
const OF_SETUPTOOLS = /No module named '(pkg_resources|setuptools|distutils)(?:\.[\w.]*)?'/;
/** What Python says of a command whose function is not there: upstream names one that does not exist, or not without some extra. */
const NO_FUNCTION = /^ImportError: cannot import name\b/;

/**
 * The remedy for what a guest reports, undefined where nothing is wrong or nothing helps: a requirement that nobody declares because
 * it always used to be there, or a package without the commands that upstream itself ships broken. Pure.
 */
export function remedyFor({ installed, imports, scripts }: CheckFacts, tree: CheckedTree): Remedy | undefined {
  if (!installed) return undefined;
  const failed = tree.modules.flatMap((module) => imports.filter((seen) => seen.module === module && !seen.ok));
  for (const { module, message } of failed) {
    const missing = OF_SETUPTOOLS.exec(lastLine(message))?.[1];
    if (missing !== undefined) return { kind: 'require', project: 'setuptools', why: `${module} imports ${missing}` };
  }
  const all = tree.modules.every((module) => imports.some((seen) => seen.module === module && seen.ok));
  // A package of commands alone is its commands.
  if (!all || tree.modules.length === 0) return undefined;
  const commands = tree.scripts.flatMap((path) => {
    const seen = scripts.find((entry) => entry.path === path);
    if (seen === undefined || seen.ok) return [];
    const why = lastLine(seen.message);
    return NO_FUNCTION.test(why) ? [{ path, why }] : [];
  });
  return commands.length === 0 ? undefined : { kind: 'leave-out', commands };
}

function lastLine(text: string): string {
  return plainText(text).trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}
