import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type StateFolder, stateFolder } from '../model/state.ts';
import { databaseError } from './connection.ts';
import { databaseAddress } from './database-url.ts';

let state: StateFolder;
beforeEach(async () => {
  vi.stubEnv('RENNET_DATABASE_URL', '');
  state = stateFolder(await mkdtemp(join(tmpdir(), 'rennet-url-')));
  await mkdir(state.root, { recursive: true });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(state.root, { recursive: true, force: true });
});

const url = 'postgresql://farm@db.example.org/rennet';

test('without settings the private server is meant, whatever the PG* variables say', async () => {
  const address = await databaseAddress(state);
  expect(address).toMatchObject({ isPrivate: true, config: { user: 'rennet', ssl: false, database: 'postgres' } });
  expect(address.config.host?.startsWith('/')).toBe(true);
});

test('config.toml names a shared server, the environment another one', async () => {
  await writeFile(join(state.root, 'config.toml'), `[database]\nurl = "${url}"\n`);
  expect(await databaseAddress(state)).toMatchObject({ isPrivate: false, config: { connectionString: url } });
  vi.stubEnv('RENNET_DATABASE_URL', `${url}2`);
  expect(await databaseAddress(state)).toMatchObject({ config: { connectionString: `${url}2` } });
});

test.each(['[database', '[database]\nurl = 5\n', '[database]\nurl = "mysql://db.example.org"\n'])(
  'settings that cannot be meant are the user’s fault: %j',
  async (text) => {
    await writeFile(join(state.root, 'config.toml'), text);
    await expect(databaseAddress(state)).rejects.toMatchObject({ code: 'bad-usage' });
  },
);

test('a full disk is told apart from other failures', () => {
  expect(databaseError(Object.assign(new Error('could not extend file'), { code: '53100' }))).toMatchObject({
    code: 'no-space',
  });
  expect(databaseError(new Error('Connection terminated unexpectedly'))).toMatchObject({ code: 'database-failed' });
});
