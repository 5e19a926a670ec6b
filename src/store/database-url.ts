import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { clusterPaths, DATABASE, DATABASE_USER, PORT } from './cluster.ts';

const configSchema = z.object({ database: z.object({ url: z.string().optional() }).optional() });

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
  const url = process.env['RENNET_DATABASE_URL'] || (await configuredUrl(state));
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

async function configuredUrl(state: StateFolder): Promise<string | undefined> {
  const file = join(state.root, 'config.toml');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  try {
    return configSchema.parse(parse(text)).database?.url;
  } catch (error) {
    throw new RennetError(
      'bad-usage',
      `${file} cannot be read as settings: ${(error as Error).message.split('\n')[0]}.`,
      '',
      {
        cause: error,
      },
    );
  }
}
