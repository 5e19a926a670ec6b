import { type Kysely, type Migration, Migrator, sql } from 'kysely';
import { RennetError } from '../model/errors.ts';
import type { Database } from './schema.ts';

/** Plain SQL, never changed once released; a new need is a new entry at the end. Text sorts by bytes everywhere: COLLATE "C". */
const STATEMENTS: Record<string, readonly string[]> = {
  '001-spine': [
    `create table attempts (
      id text collate "C" primary key,
      project text collate "C" not null,
      version text not null,
      suite text collate "C" not null,
      architecture text collate "C" not null,
      driver text,
      reset text,
      isolation text,
      outcome text,
      class text,
      rule text,
      "limit" text,
      sentence text not null default '',
      log_line text,
      package text,
      package_version text,
      deb text,
      log text,
      evidence jsonb not null default '{}',
      timings_ms jsonb not null default '{}',
      provenance jsonb not null default '{}',
      owner text not null,
      started_at timestamptz not null default clock_timestamp(),
      ended_at timestamptz,
      constraint ended_with_outcome check ((outcome is null) = (ended_at is null))
    )`,
    `create index attempts_of_project on attempts (project, suite, architecture, started_at)`,
    `create index attempts_by_time on attempts (started_at)`,
    `create index attempts_running on attempts (id) where outcome is null`,
    `create table ledger (
      attempt text collate "C" not null references attempts on delete cascade,
      line integer not null,
      kind text not null,
      fact text not null,
      fate text not null,
      detail text not null,
      primary key (attempt, line)
    )`,
    `create table suites (
      suite text collate "C" primary key,
      generation integer not null default 0,
      wanted_change bigint not null default 0,
      published_change bigint not null default 0
    )`,
    `create table packages (
      suite text collate "C" not null references suites,
      package text collate "C" not null,
      version text collate "C" not null,
      architecture text collate "C" not null,
      project text collate "C" not null,
      upstream text collate "C" not null,
      build integer not null,
      control text not null,
      sha256 text not null,
      bytes bigint not null,
      pool text not null,
      attempt text collate "C" not null references attempts,
      change bigint not null,
      recorded_at timestamptz not null default now(),
      published_at timestamptz,
      removed_at timestamptz,
      primary key (suite, package, version, architecture)
    )`,
    `create table package_modules (
      module text collate "C" primary key,
      project text collate "C" not null
    )`,
  ],
  '002-claims': [
    `alter table package_modules rename to package_claims`,
    `alter table package_claims rename column module to claim`,
  ],
  '003-hints': [
    `create table hints (
      project text collate "C" not null,
      suite text collate "C" not null,
      kind text collate "C" not null,
      value text collate "C" not null,
      origin text not null,
      version text not null default '',
      reason text not null default '',
      added_at timestamptz not null default clock_timestamp(),
      primary key (project, suite, kind, value)
    )`,
  ],
};

/** Any number serves; all Rennet processes take the same one while they migrate. */
const MIGRATION_LOCK = '7237107031906';

/**
 * Brings the schema up to date; nothing but one query when it is already. Safe when two processes do it at once.
 * `state-newer` when a newer Rennet has migrated further.
 */
export async function migrate(camelCase: Database): Promise<void> {
  const database = camelCase.withoutPlugins();
  const known = Object.keys(STATEMENTS);
  const done = await appliedMigrations(database);
  const unknown = done.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new RennetError(
      'state-newer',
      `The database was changed by a newer Rennet (${unknown}).`,
      'Update Rennet, or name another state folder with --state.',
    );
  if (done.length === known.length) return;
  await database.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${MIGRATION_LOCK}::bigint)`.execute(connection);
    try {
      const { error } = await new Migrator({ db: connection, provider: { getMigrations } }).migrateToLatest();
      if (error !== undefined) throw error as Error;
    } finally {
      await sql`select pg_advisory_unlock(${MIGRATION_LOCK}::bigint)`.execute(connection);
    }
  });
}

async function appliedMigrations(database: Database): Promise<string[]> {
  const { rows: found } = await sql<{
    there: boolean;
  }>`select to_regclass('kysely_migration') is not null as there`.execute(database);
  if (found[0]?.there !== true) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(database);
  return rows.map((row) => row.name);
}

async function getMigrations(): Promise<Record<string, Migration>> {
  return Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, statements]) => [
      name,
      {
        up: async (database: Kysely<unknown>) => {
          for (const statement of statements) await sql.raw(statement).execute(database);
        },
      },
    ]),
  );
}
