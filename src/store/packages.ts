import { sql } from 'kysely';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { blobExists } from './blobs.ts';
import { lockClaims, otherOwners, ownClaims } from './claims.ts';
import type { PackageRecord, PublishedRow, RecordResult, SuiteContent } from './records.ts';
import type { Database } from './schema.ts';

/*
 * What a suite's index shall hold is the rows without `removedAt`. Every change of that raises the suite's `wantedChange` in its own
 * transaction; the publisher reads rows and number together, and after the flip says which number is in place. A suite whose
 * `publishedChange` is lower was interrupted between the two, and is published again at the next start.
 */

/** Architectures whose packages would stand in one index with a package of this one. */
function sharing(architecture: string): string[] | undefined {
  return architecture === 'all' ? undefined : [architecture, 'all'];
}

export async function nextBuild(
  database: Database,
  suite: string,
  name: string,
  upstream: string,
  architecture: string,
): Promise<number> {
  return (await newestBuild(database, suite, name, upstream, architecture)) ?? 1;
}

async function newestBuild(
  database: Database,
  suite: string,
  name: string,
  upstream: string,
  architecture: string,
): Promise<number | undefined> {
  const architectures = sharing(architecture);
  let query = database
    .selectFrom('packages')
    .select((column) => column.fn.max('build').as('build'))
    .where('suite', '=', suite)
    .where('package', '=', name)
    .where('upstream', '=', upstream);
  if (architectures) query = query.where('architecture', 'in', architectures);
  return (await query.executeTakeFirst())?.build ?? undefined;
}

export async function recordPackage(
  database: Database,
  state: StateFolder,
  record: PackageRecord,
): Promise<RecordResult> {
  if (!(await blobExists(state, record.sha256, record.bytes)))
    throw new RennetError('defect', `The package ${record.package} was to be recorded before its file was stored.`);
  const { claims, ...columns } = record;
  return await database.transaction().execute(async (transaction) => {
    // Locks the suite's row, so that changes are numbered in the order in which they become visible.
    const change = await nextChange(transaction, record.suite);
    await lockClaims(transaction);
    const [clash] = await otherOwners(transaction, claims, record.project);
    if (clash) {
      await withdrawChange(transaction, record.suite);
      return { recorded: 'held', claim: clash[0], owner: clash[1] };
    }
    const inserted = await transaction
      .insertInto('packages')
      .values({ ...columns, change })
      .onConflict((conflict) =>
        // The same bytes after a removal come back; any other conflict changes nothing.
        conflict
          .columns(['suite', 'package', 'version', 'architecture'])
          .doUpdateSet({ change, removedAt: null, publishedAt: null })
          .where('packages.sha256', '=', record.sha256)
          .where('packages.removedAt', 'is not', null),
      )
      .returning('sha256')
      .execute();
    if (inserted.length > 0) {
      await ownClaims(transaction, claims, record.project);
      return { recorded: 'new' };
    }
    await withdrawChange(transaction, record.suite);
    const there = await transaction
      .selectFrom('packages')
      .select('sha256')
      .where('suite', '=', record.suite)
      .where('package', '=', record.package)
      .where('version', '=', record.version)
      .where('architecture', '=', record.architecture)
      .where('removedAt', 'is', null)
      .executeTakeFirst();
    if (there?.sha256 === record.sha256) return { recorded: 'same' };
    const { suite, package: name, upstream, architecture, build } = record;
    const newest = await newestBuild(transaction, suite, name, upstream, architecture);
    return { recorded: 'refused', nextBuild: Math.max(newest ?? build, build) + 1 };
  });
}

async function nextChange(database: Database, suite: string): Promise<number> {
  const row = await database
    .insertInto('suites')
    .values({ suite, wantedChange: 1 })
    .onConflict((conflict) =>
      conflict.column('suite').doUpdateSet((column) => ({ wantedChange: column('suites.wantedChange', '+', 1) })),
    )
    .returning('wantedChange')
    .executeTakeFirstOrThrow();
  return row.wantedChange;
}

async function withdrawChange(database: Database, suite: string): Promise<void> {
  await database
    .updateTable('suites')
    .set((column) => ({ wantedChange: column('wantedChange', '-', 1) }))
    .where('suite', '=', suite)
    .execute();
}

export async function publishedRows(database: Database, suite: string): Promise<SuiteContent> {
  // One snapshot for both reads: a package recorded in between must not count as published.
  return await database
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (transaction) => {
      const counters = await transaction
        .selectFrom('suites')
        .select(['wantedChange', 'generation'])
        .where('suite', '=', suite)
        .executeTakeFirst();
      const rows = await transaction
        .selectFrom('packages')
        .selectAll()
        .where('suite', '=', suite)
        .where('removedAt', 'is', null)
        .orderBy('package')
        .orderBy('build', 'desc')
        .orderBy('version')
        .orderBy('architecture')
        .execute();
      return { rows: rows.map(readRow), change: counters?.wantedChange ?? 0, generation: counters?.generation ?? 0 };
    });
}

function readRow(row: Record<string, unknown> & { publishedAt: Date | null }): PublishedRow {
  const { change: _change, removedAt: _removed, recordedAt: _recorded, publishedAt, ...rest } = row;
  return { ...(rest as unknown as PublishedRow), ...(publishedAt ? { publishedAt: publishedAt.toISOString() } : {}) };
}

export async function markPublished(database: Database, suite: string, change: number): Promise<number> {
  return await database.transaction().execute(async (transaction) => {
    const row = await transaction
      .insertInto('suites')
      .values({ suite, generation: 1, publishedChange: change })
      .onConflict((conflict) =>
        conflict.column('suite').doUpdateSet((column) => ({
          generation: column('suites.generation', '+', 1),
          publishedChange: sql<number>`greatest(suites.published_change, ${change}::bigint)`,
        })),
      )
      .returning('generation')
      .executeTakeFirstOrThrow();
    await transaction
      .updateTable('packages')
      .set({ publishedAt: sql<Date>`now()` })
      .where('suite', '=', suite)
      .where('publishedAt', 'is', null)
      .where('removedAt', 'is', null)
      .where('change', '<=', change)
      .execute();
    return row.generation;
  });
}

export async function removePackages(database: Database, names: readonly string[], suite: string): Promise<string[]> {
  if (names.length === 0) return [];
  return await database.transaction().execute(async (transaction) => {
    const removed = await transaction
      .updateTable('packages')
      .set({ removedAt: sql<Date>`now()` })
      .where('suite', '=', suite)
      .where('package', 'in', [...names])
      .where('removedAt', 'is', null)
      .returning('package')
      .execute();
    if (removed.length === 0) return [];
    await nextChange(transaction, suite);
    // A project without any package left claims nothing any more, so that its successor is not held for ever.
    await transaction
      .deleteFrom('packageClaims')
      .where('project', 'not in', transaction.selectFrom('packages').select('project').where('removedAt', 'is', null))
      .execute();
    return [...new Set(removed.map((row) => row.package))].sort();
  });
}

/** Suites that hold or held a package, in order. */
export async function listSuites(database: Database): Promise<string[]> {
  const rows = await database.selectFrom('suites').select('suite').orderBy('suite').execute();
  return rows.map((row) => row.suite);
}

export async function unpublishedSuites(database: Database): Promise<string[]> {
  const rows = await database
    .selectFrom('suites')
    .select('suite')
    .whereRef('publishedChange', '<', 'wantedChange')
    .orderBy('suite')
    .execute();
  return rows.map((row) => row.suite);
}
