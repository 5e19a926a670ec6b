import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { type StartedServer, LOCK_TAKEN, startServer } from './database-start.ts';
import { type DatabaseAddress, databaseAddress } from './database-url.ts';
import { requireOwnSocketFolder } from './socket-folder.ts';

/** Recovery after a power cut replays at most max_wal_size (128 MiB). */
const START_DEADLINE_MS = 60_000;
const POLL_MS = 15;
/** Nobody listens: the server does not run. */
const NOT_RUNNING = new Set(['ENOENT', 'ECONNREFUSED']);
/** SQLSTATE cannot_connect_now (starting, stopping, recovering) and admin_shutdown. */
const NOT_YET = new Set(['57P03', '57P01', 'ECONNRESET']);

/** How this process reaches the database; starts the private server whenever it is found not to run. */
export interface Connector {
  /** A connection of its own, for a lock; the caller ends it. */
  connect(signal: AbortSignal): Promise<pg.Client>;
  /** A pool in the shape that Kysely wants. */
  readonly pool: { connect(): Promise<pg.PoolClient>; end(): Promise<void> };
}

/** Makes the connector; connects nothing yet. `signal` bounds every start of the server. */
export async function createConnector(state: StateFolder, signal: AbortSignal): Promise<Connector> {
  const address = await databaseAddress(state);
  const pool = new pg.Pool({
    ...address.config,
    max: 4,
    // An open connection says "in use" to whoever would stop an idle server.
    idleTimeoutMillis: 0,
    allowExitOnIdle: true,
    types: { getTypeParser },
  });
  // A connection that breaks while idle is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => {});
  return {
    connect: (inner) => reach(state, address, () => connectClient(address), inner),
    pool: {
      connect: () => reach(state, address, () => pool.connect(), signal),
      end: () => pool.end(),
    },
  };
}

async function connectClient(address: DatabaseAddress): Promise<pg.Client> {
  const client = new pg.Client(address.config);
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Tries to connect; starts the private server when it does not run, and waits while it starts, recovers or stops. */
async function reach<T>(
  state: StateFolder,
  address: DatabaseAddress,
  connect: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + START_DEADLINE_MS;
  let server: StartedServer | undefined;
  for (;;) {
    try {
      if (address.isPrivate) await requireOwnSocketFolder(address.config.host ?? '');
      return await connect();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!address.isPrivate || (!NOT_RUNNING.has(code) && !NOT_YET.has(code))) throw databaseError(error);
      const status = server?.exitStatus();
      if (status !== undefined && status !== LOCK_TAKEN) throw await startError(server, status);
      if (Date.now() > deadline) throw await startError(server, undefined);
      // LOCK_TAKEN: another process starts the server, or the last children of a killed one still end.
      if (NOT_RUNNING.has(code) && (server === undefined || status === LOCK_TAKEN))
        server = await startServer(state, signal);
      await sleep(status === LOCK_TAKEN ? 5 * POLL_MS : POLL_MS, undefined, { signal }).catch(() =>
        signal.throwIfAborted(),
      );
    }
  }
}

async function startError(server: StartedServer | undefined, status: number | undefined): Promise<RennetError> {
  const complaint = await server?.complaint().catch(() => '');
  const why = complaint || (status === undefined ? 'it did not answer in time' : `it ended with status ${status}`);
  return why.includes('No space left on device')
    ? new RennetError(
        'no-space',
        `PostgreSQL could not start: ${why}.`,
        'Free space in the state folder and run it again.',
      )
    : new RennetError(
        'database-failed',
        `PostgreSQL could not start: ${why}.`,
        'See run/postgres.log in the state folder.',
      );
}

/** Gives every failure of a query or connection a code and a sentence; never shows the address, which may hold a password. */
export function databaseError(error: unknown): unknown {
  if (error instanceof RennetError || !(error instanceof Error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === '53100')
    return new RennetError(
      'no-space',
      'The disk of the database is full; nothing was changed.',
      'Free space in the state folder and run the command again.',
      { cause: error },
    );
  return new RennetError(
    'database-failed',
    `The database failed: ${error.message || (code ?? 'no connection')}.`,
    'Run the command again.',
    {
      cause: error,
    },
  );
}

/** bigint (OID 20) as number: all of ours are sizes and counters below 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return oid === 20 ? Number : (pg.types.getTypeParser(oid, format) as (text: string) => unknown);
}
