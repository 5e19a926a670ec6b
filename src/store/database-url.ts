import type { ClientConfig } from 'pg';
import { readSettings } from '../host/settings.ts';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { clusterPaths, DATABASE, DATABASE_USER, PORT } from './cluster.ts';

/** Where the database is reached; `isPrivate` when Rennet itself starts and stops it. */
export interface DatabaseAddress {
  readonly isPrivate: boolean;
  readonly config: ClientConfig;
}

/**
 * `RENNET_DATABASE_URL`, else `[database] url = "…"` of config.toml in the state folder, else the private server. A shared server
 * is reached directly or through a pooler in session mode: locks belong to sessions.
 */
export async function databaseAddress(state: StateFolder): Promise<DatabaseAddress> {
  const common = { application_name: `rennet ${process.pid}`, connectionTimeoutMillis: 10_000 };
  const url = process.env['RENNET_DATABASE_URL'] || (await readSettings(state)).database.url;
  if (url) {
    if (!/^postgres(ql)?:\/\//.test(url))
      throw new RennetError('bad-usage', 'The address of the database must begin with postgresql://.');
    return { isPrivate: false, config: { ...common, connectionString: url, keepAlive: true } };
  }
  const host = clusterPaths(state, process.geteuid?.() === 0).socketFolder;
  // Everything is said here, so that PGUSER, PGSSLMODE and the like of the caller's environment change nothing.
  const config = { ...common, host, port: PORT, user: DATABASE_USER, database: DATABASE, ssl: false, options: '' };
  return { isPrivate: true, config };
}
