import { basename } from 'node:path';
import { z } from 'zod';
import { formatRelations, parseRelations } from './debian/relation.ts';
import { compareDebianVersions } from './debian/version.ts';
import type { PublishedSource } from './plan/ports.ts';
import type { Target } from './model/target.ts';
import type { PublishedRow } from './store/records.ts';
import type { Store } from './store/store.ts';

/** Rennet's own packages that apt finds on a target now: not a row that no index held yet, not another architecture's package. */
export async function ownPackages(store: Store, { suite, architecture }: Target): Promise<PublishedRow[]> {
  const { rows } = await store.publishedRows(suite);
  return rows.filter(
    (row) => row.publishedAt !== undefined && (row.architecture === 'all' || row.architecture === architecture),
  );
}

/** The Requires-Dist lines of a published package's wheel: the ledger of its attempt has one line for each. */
export async function publishedRequirements(
  store: Store,
  { attempt }: { readonly attempt?: string },
): Promise<readonly string[] | undefined> {
  const found = attempt === undefined ? undefined : await store.attempt(attempt);
  return found?.ledger.filter(({ kind }) => kind === 'requirement').map(({ fact }) => fact);
}

/** Where the file came from that a published package was made of, as its attempt's provenance has it. */
export async function publishedSource(
  store: Store,
  { attempt }: { readonly attempt?: string },
): Promise<PublishedSource | undefined> {
  const found = attempt === undefined ? undefined : await store.attempt(attempt);
  const source = Source.safeParse(found?.provenance['source']);
  return source.success ? source.data : undefined;
}

/** Attempts of before this was written down have no origin. */
const Source = z.object({ origin: z.string(), sha256: z.string() });

/** What a package needs of Rennet's own, and the relations that only official packages can meet. */
export interface OwnClosure {
  /** Host paths with the names that the files shall have. */
  readonly debs: readonly { readonly path: string; readonly name: string }[];
  readonly relations: readonly string[];
}

/** Follows relations through Rennet's own packages; of several versions the newest, which apt would take. */
export function ownClosure(relations: readonly string[], rows: readonly PublishedRow[], store: Store): OwnClosure {
  const newest = new Map<string, PublishedRow>();
  for (const row of rows) {
    const best = newest.get(row.package);
    if (best === undefined || compareDebianVersions(best.version, row.version) < 0) newest.set(row.package, row);
  }
  const taken = new Set<PublishedRow>();
  const official = new Set<string>();
  const follow = [...relations];
  // The list grows while it is walked through; each package adds its relations once.
  for (const text of follow) {
    const [relation, ...others] = parseRelations(text)[0] ?? [];
    const row = relation === undefined || others.length > 0 ? undefined : newest.get(relation.package);
    if (row === undefined) official.add(text);
    else if (!taken.has(row)) {
      taken.add(row);
      const depends = /^Depends: (.*)$/m.exec(row.control)?.[1] ?? '';
      follow.push(...parseRelations(depends).map((alternatives) => formatRelations([alternatives])));
    }
  }
  const debs = [...taken].map((row) => ({ path: store.blobPath(row.sha256), name: basename(row.pool) }));
  return { debs, relations: [...official] };
}
