import { namesAbove } from '../model/claim.ts';
import type { Placed } from './rules/rule.ts';

/** File suffixes of what an import statement can load (PEP 3149 for the tags of extensions). */
const CODE = /(?:\.py|(?:\.[A-Za-z0-9_-]+)?\.so)$/;
const NAME = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/**
 * The modules that a tree owns, with slashes: each at the deepest level that is no namespace package (PEP 420), so
 * `google/cloud/storage` and never `google`. Sorted, each once.
 */
export function ownedModules(placed: readonly Placed[]): string[] {
  return [...new Set(codeOf(placed).map(({ owner }) => owner))].toSorted();
}

/**
 * What the check imports, dotted: top-level modules, and the regular packages that stand directly in a namespace. Of a
 * namespace that has modules only, the namespace itself: a single module in it may need what an extra brings.
 */
export function importableModules(placed: readonly Pick<Placed, 'kind' | 'site'>[]): string[] {
  const code = codeOf(placed);
  const packages = code.filter(({ owner, regular }) => regular || !owner.includes('/')).map(({ owner }) => owner);
  const covered = new Set(packages.map((name) => name.split('/')[0]));
  const rest = code.map(({ owner }) => owner.split('/')[0] ?? '').filter((top) => !covered.has(top));
  return [...new Set([...packages, ...rest])].map((name) => name.replaceAll('/', '.')).toSorted();
}

function codeOf(placed: readonly Pick<Placed, 'kind' | 'site'>[]): { owner: string; regular: boolean }[] {
  const code = placed
    .filter(({ kind, site }) => kind === 'module' && CODE.test(site))
    .map(({ site }) => site.replace(CODE, ''));
  const regular = new Set(
    code.filter((name) => name.endsWith('/__init__')).map((name) => name.slice(0, -'/__init__'.length)),
  );
  return code.flatMap((name) => {
    if (!name.split('/').every((part) => NAME.test(part))) return [];
    const owner = namesAbove(name).find((above) => regular.has(above));
    return [{ owner: owner ?? name, regular: owner !== undefined }];
  });
}
