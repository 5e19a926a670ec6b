import pg from 'pg';
import { stateFolder } from '../model/state.ts';
import { serverPid, stopDatabase } from './database-stop.ts';
import { databaseAddress } from './database-url.ts';
import { requireOwnSocketFolder } from './socket-folder.ts';

// A program of its own, run by the keeper with the state folder's path: ends the private PostgreSQL when no Rennet uses it.

const state = stateFolder(process.argv[2] ?? '');
const address = await databaseAddress(state);
if (address.isPrivate && (await serverPid(state)) !== undefined) {
  if (await isInUse(address.config)) process.exitCode = 1;
  else await stopDatabase(state, AbortSignal.timeout(60_000));
}

async function isInUse(config: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client(config);
  try {
    await requireOwnSocketFolder(config.host ?? '');
    await client.connect();
    const found = await client.query<{ others: boolean }>(
      `select count(*) > 0 as others from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
    return found.rows[0]?.others ?? true;
  } catch {
    return true;
  } finally {
    await client.end().catch(() => {});
  }
}
