import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateFolder } from '../model/state.ts';
import { clusterPaths, findPrograms, isReachable, placed, serverArguments, serviceCommand } from './cluster.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-cluster-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the socket fits into sun_path for every state folder', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^(\/[a-zä]{1,40}){1,8}$/), fc.boolean(), (root, isRoot) => {
      const { socketFolder } = clusterPaths(stateFolder(root), isRoot);
      expect(Buffer.byteLength(`${socketFolder}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107);
    }),
  );
});

test('different long state folders have different socket folders', () => {
  const [one, two] = ['one', 'two'].map((name) => clusterPaths(stateFolder(`/${'x'.repeat(200)}/${name}`), false));
  expect(one?.socketFolder).not.toBe(two?.socketFolder);
});

test('a new cluster takes the newest PostgreSQL, an old one its own', async () => {
  const root = join(folder, 'programs');
  for (const major of ['9', '15', '17']) {
    await mkdir(join(root, major, 'bin'), { recursive: true });
    await writeFile(join(root, major, 'bin', 'initdb'), '');
  }
  await mkdir(join(root, '18', 'bin'), { recursive: true });
  const data = join(folder, 'data');
  expect(await findPrograms(data, root)).toBe(join(root, '17', 'bin'));
  await mkdir(data);
  await writeFile(join(data, 'PG_VERSION'), '15\n');
  expect(await findPrograms(data, root)).toBe(join(root, '15', 'bin'));
  await writeFile(join(data, 'PG_VERSION'), '14\n');
  await expect(findPrograms(data, root)).rejects.toMatchObject({
    code: 'missing-tool',
    message: expect.stringContaining('belongs to PostgreSQL 14; installed is 17, 15, 9') as string,
  });
  await expect(findPrograms(join(folder, 'none'), join(folder, 'none'))).rejects.toMatchObject({
    code: 'missing-tool',
  });
});

test('a folder that its owner alone may enter hides what lies below', async () => {
  const closed = join(folder, 'closed');
  await mkdir(join(closed, 'state'), { recursive: true, mode: 0o700 });
  const other = { uid: 54_321, gid: 54_321 };
  expect(await isReachable(join(closed, 'state'), other)).toBe(false);
  expect(await isReachable('/usr/bin', other)).toBe(true);
});

test('as root the server runs as the service user, behind a mount where that user cannot go', () => {
  const user = { uid: 990, gid: 980 };
  const open = { isRoot: true, user, stateRoot: '/srv/rennet', place: '/srv/rennet' };
  const folders = ['/srv/rennet/postgres', '/run/rennet-0/db'];
  expect(serviceCommand(open, ['postgres'], folders)).toEqual([
    'setpriv',
    '--reuid=990',
    '--regid=980',
    '--clear-groups',
    '--no-new-privs',
    '--',
    'postgres',
  ]);
  const hidden = { ...open, place: '/run/rennet-view' };
  const command = serviceCommand(hidden, ['postgres'], folders);
  expect(command[0]).toBe('unshare');
  // Its own folder and nothing beside it.
  const from = command.indexOf('/run/rennet-view');
  expect(command.slice(from, command.indexOf('--', from))).toEqual([
    '/run/rennet-view',
    '/srv/rennet/postgres',
    '/run/rennet-view/postgres',
  ]);
  expect(placed(hidden, '/srv/rennet/postgres')).toBe('/run/rennet-view/postgres');
  expect(placed(hidden, '/srv/rennet-other')).toBe('/srv/rennet-other');
  expect(serviceCommand({ ...open, isRoot: false }, ['postgres'], folders)).toEqual(['postgres']);
});

test('the server listens on its socket only and keeps what it was told', () => {
  const text = serverArguments('/bin', '/data', '/run/x').join(' ');
  for (const setting of ['listen_addresses= ', 'fsync=on', 'full_page_writes=on', 'synchronous_commit=on'])
    expect(text).toContain(`-c ${setting}`);
});
