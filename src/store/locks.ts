import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { RennetError } from '../model/errors.ts';
import { type Connector, databaseError } from './connection.ts';

/** A lock is asked for this often; nobody waits inside the database, so that ^C works at once. */
const POLL_MS = 200;

/**
 * Runs `fn` while this process alone holds the lock `name`: a session's advisory lock (PostgreSQL manual, 13.3.5), which the server
 * itself lets go when the process dies. `onWait` is told once, with the holder's process where it is known. When the connection breaks,
 * the lock is gone: `fn`'s signal aborts.
 */
export async function withLock<T>(
  connector: Connector,
  name: string,
  onWait: (holder: string) => void,
  fn: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const client = await connector.connect(signal);
  const lost = new AbortController();
  client.on('end', () =>
    lost.abort(new RennetError('database-failed', 'The connection to the database broke.', 'Run the command again.')),
  );
  try {
    await take(client, name, onWait, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw databaseError(error);
    });
    return await fn(AbortSignal.any([signal, lost.signal]));
  } finally {
    // Closing the session gives the lock back.
    client.removeAllListeners('end');
    await client.end().catch(() => {});
  }
}

async function take(
  client: pg.Client,
  name: string,
  onWait: (holder: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    const { rows } = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as taken',
      [name],
    );
    if (rows[0]?.taken === true) return;
    if (attempt === 0) onWait(await findHolder(client, name));
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Who holds the lock, `process 1234` (its session is named `rennet 1234`); a bigint key is shown in two halves (pg_locks). */
async function findHolder(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select a.application_name as name from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)`,
    [name],
  );
  return rows[0]?.name.replace(/^rennet (?=\d+$)/, 'process ') ?? 'just ended';
}
