import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { Target } from '../model/target.ts';
import { ownerLives, processOwner } from '../host/process-owner.ts';
import type { Amendment, Attempt, AttemptEnding, AttemptFilter, AttemptStart } from './records.ts';
import type { Database } from './schema.ts';
import { storableJson, storableText } from './storable.ts';

/*
 * An attempt is running (outcome null) until it is ended once, by its own process or, when that has died, by the next start:
 *
 *   beginAttempt ──▶ running ──endAttempt──▶ ended (any outcome)
 *                       └─────endInterrupted─▶ ended (infrastructure) ──amendPublished─▶ ended (published)
 *
 * Each way is one UPDATE that asks for the state before it, so that the second one changes nothing.
 */

/** Crockford's base 32: no letter that looks like a digit, sorts like the number. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** `a`, nine digits of milliseconds since 1970 (enough until 3084), four random ones. */
export function attemptId(timeMs: number, random: Uint8Array): string {
  let time = '';
  for (let rest = timeMs, digit = 0; digit < 9; digit += 1, rest = Math.floor(rest / 32))
    time = DIGITS[rest % 32] + time;
  return `a${time}${Array.from(random.subarray(0, 4), (byte) => DIGITS[byte % 32]).join('')}`;
}

export async function beginAttempt(database: Database, start: AttemptStart): Promise<string> {
  const id = attemptId(Date.now(), randomBytes(4));
  const { project, version, suite, architecture, driver = null, reset = null } = start;
  await database
    .insertInto('attempts')
    .values({ id, project, version, suite, architecture, driver, reset, owner: processOwner() })
    .execute();
  return id;
}

export async function endAttempt(database: Database, id: string, ending: AttemptEnding): Promise<void> {
  const { ledger = [], evidence, provenance, timingsMs, ...columns } = ending;
  await database.transaction().execute(async (transaction) => {
    const ended = await transaction
      .updateTable('attempts')
      .set({
        ...storableTexts(columns),
        ...(evidence ? { evidence: storableJson(evidence) } : {}),
        ...(provenance ? { provenance: storableJson(provenance) } : {}),
        ...(timingsMs ? { timingsMs: storableJson(timingsMs) } : {}),
        endedAt: sql<Date>`clock_timestamp()`,
      })
      .where('id', '=', id)
      .where('outcome', 'is', null)
      .executeTakeFirst();
    if (ended.numUpdatedRows === 0n) throw await whyNotEnded(transaction, id);
    // One parameter for all lines: a statement takes 65,535, a wheel may have 50,000 files.
    const lines = storableJson(ledger.map((entry, line) => ({ ...entry, line })));
    await sql`insert into ledger (attempt, line, kind, fact, fate, detail)
      select ${id}, line, kind, fact, fate, detail
      from jsonb_to_recordset(${lines}::jsonb) as entry (line integer, kind text, fact text, fate text, detail text)`.execute(
      transaction,
    );
  });
}

function storableTexts<T extends object>(columns: T): T {
  const entries = Object.entries(columns).map(([name, value]) => [
    name,
    typeof value === 'string' ? storableText(value) : (value as unknown),
  ]);
  return Object.fromEntries(entries) as T;
}

async function whyNotEnded(database: Database, id: string): Promise<RennetError> {
  const found = await database.selectFrom('attempts').select('outcome').where('id', '=', id).executeTakeFirst();
  return found
    ? new RennetError('attempt-ended', `Attempt ${id} has ended already, as ${found.outcome}.`, 'Its result stands.')
    : new RennetError('unknown-attempt', `There is no attempt ${id}.`, 'rennet why PROJECT shows the last one.');
}

export async function findAttempt(database: Database, id: string): Promise<Attempt | undefined> {
  const row = await database.selectFrom('attempts').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : readAttempt(row, await readLedger(database, id));
}

export async function lastAttempt(database: Database, project: string, target: Target): Promise<Attempt | undefined> {
  const row = await database
    .selectFrom('attempts')
    .selectAll()
    .where('project', '=', project)
    .where('suite', '=', target.suite)
    .where('architecture', '=', target.architecture)
    .where('outcome', 'is not', null)
    .orderBy('startedAt', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : readAttempt(row, await readLedger(database, row.id));
}

export async function listAttempts(database: Database, filter: AttemptFilter): Promise<Attempt[]> {
  let query = database.selectFrom('attempts').selectAll();
  if (filter.ids !== undefined) query = query.where(sql<boolean>`id = any(${[...filter.ids]})`);
  if (filter.project !== undefined) query = query.where('project', '=', filter.project);
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome);
  if (filter.target !== undefined)
    query = query.where('suite', '=', filter.target.suite).where('architecture', '=', filter.target.architecture);
  const rows = await query
    .orderBy('startedAt', 'desc')
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 50)
    .execute();
  return rows.map((row) => readAttempt(row, []));
}

/** Ends what processes of this host left running when they died; gives the ids. */
export async function endInterrupted(database: Database): Promise<string[]> {
  const running = await database.selectFrom('attempts').select(['id', 'owner']).where('outcome', 'is', null).execute();
  const dead = running.filter((row) => !ownerLives(row.owner)).map((row) => row.id);
  if (dead.length === 0) return [];
  const ended = await database
    .updateTable('attempts')
    .set({
      outcome: 'infrastructure',
      sentence:
        'The attempt was interrupted: its process ended without a word (killed, or the host went down). Run it again.',
      evidence: JSON.stringify({ interrupted: true }),
      endedAt: sql<Date>`clock_timestamp()`,
    })
    .where('id', 'in', dead)
    .where('outcome', 'is', null)
    .returning('id')
    .execute();
  return ended.map((row) => row.id);
}

/**
 * What an attempt recorded before it was interrupted, or before its publication failed, is published after all: it is called so. Any
 * other attempt stays as it is. True when it was changed.
 */
export async function amendPublished(
  database: Database,
  id: string,
  { file, ...columns }: Amendment,
): Promise<boolean> {
  const amended = await database
    .updateTable('attempts')
    .set({
      ...storableTexts(columns),
      outcome: 'published',
      evidence: sql<string>`evidence || ${storableJson({ file })}::jsonb`,
    })
    .where('id', '=', id)
    .where('outcome', '=', 'infrastructure')
    .executeTakeFirst();
  return amended.numUpdatedRows > 0n;
}

async function readLedger(database: Database, attempt: string): Promise<LedgerLine[]> {
  const rows = await database
    .selectFrom('ledger')
    .select(['kind', 'fact', 'fate', 'detail'])
    .where('attempt', '=', attempt)
    .orderBy('line')
    .execute();
  return rows as LedgerLine[];
}

/** What Rennet itself wrote is believed; the JSON columns and times are checked, since other versions may have written them. */
const attemptSchema = z.looseObject({
  evidence: z.record(z.string(), z.unknown()),
  provenance: z.record(z.string(), z.unknown()),
  timingsMs: z.record(z.string(), z.number()),
  startedAt: z.date().transform((time) => time.toISOString()),
  endedAt: z
    .date()
    .transform((time) => time.toISOString())
    .optional(),
});

function readAttempt(row: Record<string, unknown>, ledger: readonly LedgerLine[]): Attempt {
  const { owner: _, ...rest } = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
  return { ...(attemptSchema.parse(rest) as unknown as Attempt), ledger };
}
