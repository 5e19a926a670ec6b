import type { LedgerLine } from '../model/outcome.ts';

/** What a build with pybuild has to change so that its files lie as in Rennet's package. Paths relative to the root, below `usr/`. */
export interface Layout {
  /** Files and folders to remove. */
  readonly removed: readonly string[];
  readonly moved: readonly { readonly from: string; readonly to: string }[];
}

const SITE = 'usr/lib/python3/dist-packages/';
const DIST_INFO = /\/dist-packages\/([^/]+)\.dist-info\/METADATA$/;

/**
 * Compares where pybuild puts the members of a wheel with where Rennet's package has them. `ledger` tells of each member what became of it,
 * `files` are the package's paths. Members that cannot be named in a line of a file were refused before; they are passed over here. Pure.
 */
export function layoutOf(ledger: readonly LedgerLine[], files: readonly string[]): Layout {
  const wanted = new Set(files.map((path) => path.replace(/^\//, '')));
  const distInfo = files.flatMap((path) => DIST_INFO.exec(path)?.[1] ?? [])[0] ?? '';
  const removed = new Set<string>();
  const moved: { from: string; to: string }[] = [];
  for (const line of ledger) {
    const from = line.kind === 'file' ? installedPath(line.fact, distInfo) : undefined;
    // dh_compress makes the .gz of a manual page.
    if (from === undefined || wanted.has(from) || wanted.has(`${from}.gz`)) continue;
    const to = targetOf(line.detail, wanted);
    if (line.fate === 'left-out') removed.add(from);
    else if (to !== undefined) moved.push({ from, to });
  }
  return { removed: foldersOf(removed, wanted), moved: moved.toSorted((a, b) => (a.from < b.from ? -1 : 1)) };
}

/** Where `python3 -m installer`, which pybuild uses, puts a member of a wheel for Debian's Python. */
function installedPath(member: string, distInfo: string): string | undefined {
  if (/\p{Cc}/u.test(member) || member.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return undefined;
  const data = `${distInfo}.data/`;
  if (!member.startsWith(data)) return SITE + member;
  const [key = '', ...rest] = member.slice(data.length).split('/');
  const place = { purelib: SITE, platlib: SITE, scripts: 'usr/bin/', data: 'usr/' }[key];
  return place === undefined || rest.length === 0 ? undefined : place + rest.join('/');
}

/** The ledger has `/path`, or `/path: why it is there`. */
function targetOf(detail: string, wanted: ReadonlySet<string>): string | undefined {
  const text = detail.replace(/^\//, '');
  if (wanted.has(text)) return text;
  for (let end = text.lastIndexOf(': '); end > 0; end = text.lastIndexOf(': ', end - 1))
    if (wanted.has(text.slice(0, end))) return text.slice(0, end);
  return undefined;
}

/** A top-level folder of modules of which nothing stays is named as a whole: `tests` instead of its 300 files. */
function foldersOf(removed: ReadonlySet<string>, wanted: ReadonlySet<string>): string[] {
  const kept = new Set([...wanted].map(topFolder));
  return [...new Set([...removed].map((path) => (kept.has(topFolder(path)) ? path : topFolder(path))))].toSorted();
}

function topFolder(path: string): string {
  return path.startsWith(SITE) ? SITE + (path.slice(SITE.length).split('/')[0] ?? '') : path;
}
