import { sql } from 'kysely';
import { namesAbove } from '../model/claim.ts';
import type { Database } from './schema.ts';
import { storableJson } from './storable.ts';

/**
 * Which of these claims clash with a claim of another project, and whose that is: the same claim, one above it (a package
 * that it would be a part of), or one below it (a namespace that it would take the place of). In any suite.
 */
export async function otherOwners(
  database: Database,
  claims: readonly string[],
  project: string,
): Promise<Map<string, string>> {
  const above = new Map(claims.map((claim) => [claim, namesAbove(claim)]));
  const names = storableJson([...new Set([...above.values()].flat())]);
  const { rows: there } = await sql<{ claim: string; project: string }>`select claim, project from package_claims
    where project <> ${project} and claim in (select jsonb_array_elements_text(${names}::jsonb))`.execute(database);
  // "0" follows "/" in the byte order of the column, so that its index finds what lies below.
  const { rows: below } = await sql<{ claim: string; project: string }>`select wanted.claim, owned.project
    from jsonb_array_elements_text(${storableJson(claims)}::jsonb) as wanted (claim)
    join package_claims owned on owned.claim > wanted.claim || '/' and owned.claim < wanted.claim || '0'
    where owned.project <> ${project}`.execute(database);
  const owners = new Map(there.map((row) => [row.claim, row.project]));
  const beneath = new Map(below.map((row) => [row.claim, row.project]));
  const found = new Map<string, string>();
  for (const [claim, upwards] of above) {
    const owner = upwards.map((name) => owners.get(name)).find((name) => name !== undefined) ?? beneath.get(claim);
    if (owner !== undefined) found.set(claim, owner);
  }
  return found;
}

/**
 * Holds claims back from every other transaction until this one ends: two projects that were built at once are decided one
 * after the other, also where one claim lies below the other.
 */
export async function lockClaims(transaction: Database): Promise<void> {
  await sql`lock table package_claims in share row exclusive mode`.execute(transaction);
}

/** Records claims that are free or the project's own already. */
export async function ownClaims(database: Database, claims: readonly string[], project: string): Promise<void> {
  await sql`insert into package_claims (claim, project)
    select claim, ${project} from jsonb_array_elements_text(${storableJson(claims)}::jsonb) as list (claim)
    on conflict (claim) do nothing`.execute(database);
}
