import { SITE, type Kind, type RuleContext } from './rules/rule.ts';

/** Where a member of a wheel goes, or the placement rule that keeps it out. */
export type Place = { kind: Kind; path: string; site: string } | { rule: string; detail: string };

/** Kept of a dist-info folder: what importlib.metadata and people read. The rest is pip's own book-keeping. */
const METADATA_KEPT =
  /^(?:METADATA|WHEEL|entry_points\.txt|top_level\.txt|licenses\/.+|(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS|COPYRIGHT)[^/]*)$/;
const MANUAL_PAGE = /^share\/man\/man1\/([A-Za-z0-9][A-Za-z0-9._+-]*\.1)(\.gz)?$/;
/** `key/rest` below `project.data` (PEP 427, "The .data directory"). */
const DATA = /^([^/]+)\/(.+)$/;

/** Maps the path of a wheel's member to its path in the package. Pure. */
export function placeFile(name: string, context: RuleContext): Place {
  const { distInfo } = context.facts;
  const dataFolder = distInfo.replace(/\.dist-info$/, '.data');
  if (name.startsWith(`${distInfo}/`)) {
    const inside = name.slice(distInfo.length + 1);
    if (!METADATA_KEPT.test(inside)) return { rule: 'dist-info-extra', detail: 'is book-keeping of an installer' };
    return { kind: 'metadata', path: SITE + name, site: name };
  }
  if (!name.startsWith(`${dataFolder}/`)) return { kind: 'module', path: SITE + name, site: name };
  const [, key = '', rest = ''] = DATA.exec(name.slice(dataFolder.length + 1)) ?? [];
  if (key === 'purelib' || key === 'platlib') return { kind: 'module', path: SITE + rest, site: rest };
  if (key === 'scripts') return { kind: 'script', path: `/usr/bin/${rest}`, site: '' };
  if (key === 'data') return placeData(rest, context);
  if (key === 'headers') return { rule: 'headers', detail: 'is a header for compiling against the project' };
  return { rule: 'data-key', detail: 'lies in a part of .data that no installer knows' };
}

/** Data files are meant for below sys.prefix; only what stays in the package's own folders of /usr/share ships. */
function placeData(rest: string, { recipe }: RuleContext): Place {
  const data = (path: string): Place => ({ kind: 'data', path, site: '' });
  const page = MANUAL_PAGE.exec(rest)?.[1];
  // Policy 12.1: manual pages are compressed with gzip -9n; done when the file is taken over.
  if (page) return data(`/usr/share/man/man1/${page}.gz`);
  const own = /^share\/(doc\/)?([^/]+)\/(.+)$/.exec(rest);
  const ownName = own?.[2]?.toLowerCase().replace(/[-_.]+/g, '-');
  if (own && (ownName === recipe.project || own[2] === recipe.package))
    return data(`/usr/share/${own[1] ?? ''}${recipe.package}/${own[3] ?? ''}`);
  return { rule: 'data-place', detail: "is meant for a folder that is not the package's own" };
}
