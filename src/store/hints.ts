import { sql } from 'kysely';
import type { RememberedHint } from '../model/hint.ts';
import type { Database } from './schema.ts';
import { storableJson } from './storable.ts';

/** Which hints are meant; what is left out means all. */
export interface HintFilter {
  readonly project?: string;
  readonly suite?: string;
  /** Packages or requirements. */
  readonly values?: readonly string[];
  readonly kind?: RememberedHint['kind'];
}

/** By project, suite, kind and value. */
export async function listHints(database: Database, { project, suite }: HintFilter): Promise<RememberedHint[]> {
  let query = database
    .selectFrom('hints')
    .select(['project', 'suite', 'kind', 'value', 'origin', 'version', 'reason'])
    .orderBy('project')
    .orderBy('suite')
    .orderBy('kind')
    .orderBy('value');
  if (project !== undefined) query = query.where('project', '=', project);
  if (suite !== undefined) query = query.where('suite', '=', suite);
  return query.execute();
}

/** What is there stays as it is, but that the operator's word takes the place of what was learned; gives the rows that are new. */
export async function addHints(database: Database, hints: readonly RememberedHint[]): Promise<RememberedHint[]> {
  // A statement may touch a row once only.
  const each = new Map(hints.map((hint) => [`${hint.project} ${hint.suite} ${hint.kind} ${hint.value}`, hint]));
  if (each.size === 0) return [];
  const { rows } = await sql<RememberedHint>`insert into hints (project, suite, kind, value, origin, version, reason)
    select project, suite, kind, value, origin, version, reason from jsonb_to_recordset(${storableJson([...each.values()])}::jsonb)
      as hint (project text, suite text, kind text, value text, origin text, version text, reason text)
    on conflict (project, suite, kind, value) do update
      set origin = excluded.origin, version = excluded.version, reason = excluded.reason
      where hints.origin = 'learned' and excluded.origin = 'operator'
    returning project, suite, kind, value, origin, version, reason`.execute(database);
  return rows;
}

/** Gives the rows that were there. */
export async function removeHints(database: Database, filter: HintFilter): Promise<RememberedHint[]> {
  let query = database.deleteFrom('hints');
  if (filter.project !== undefined) query = query.where('project', '=', filter.project);
  if (filter.suite !== undefined) query = query.where('suite', '=', filter.suite);
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
  if (filter.values !== undefined) query = query.where('value', 'in', [...filter.values]);
  return query.returning(['project', 'suite', 'kind', 'value', 'origin', 'version', 'reason']).execute();
}
