import { placeData } from './place-data.ts';
import { dataPath } from './shape.ts';
import { SITE, type Kind, type RuleContext } from './rules/rule.ts';

/** Where a member of a wheel goes, or the placement rule that keeps it out. `note`: why it is not where the wheel has it. */
export type Place = { kind: Kind; path: string; site: string; note?: string } | { rule: string; detail: string };

/** Kept of a dist-info folder: what importlib.metadata and people read. The rest is pip's own book-keeping. */
const METADATA_KEPT =
  /^(?:METADATA|WHEEL|entry_points\.txt|top_level\.txt|licenses\/.+|(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS|COPYRIGHT)[^/]*)$/;

/** Maps the path of a wheel's member to its path in the package (PEP 427, "The .data directory"). Pure. */
export function placeFile(name: string, context: RuleContext): Place {
  const { distInfo } = context.facts;
  if (name.startsWith(`${distInfo}/`)) {
    const inside = name.slice(distInfo.length + 1);
    if (!METADATA_KEPT.test(inside)) return { rule: 'dist-info-extra', detail: 'is book-keeping of an installer' };
    return { kind: 'metadata', path: SITE + name, site: name };
  }
  const { key, rest } = dataPath(name, distInfo) ?? { key: 'purelib', rest: name };
  if (key === 'purelib' || key === 'platlib') return { kind: 'module', path: SITE + rest, site: rest };
  if (key === 'scripts') return { kind: 'script', path: `/usr/bin/${rest}`, site: '' };
  if (key === 'data') return placeData(rest, context);
  if (key === 'headers') return { rule: 'headers', detail: 'is a header for compiling against the project' };
  return { rule: 'data-key', detail: 'lies in a part of .data that no installer knows' };
}
