import { chmod, chown, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StateFolder, stateFolder } from '../model/state.ts';
import { findKeeper, openKeeper } from './keeper.ts';

const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;
let state: StateFolder;
let server: Server;
let visitors: number;
/** What lies in wait: it answers as a keeper does. */
beforeEach(async () => {
  state = stateFolder(await mkdtemp(join(tmpdir(), 'rennet-keeper-')));
  visitors = 0;
  server = createServer((socket) => {
    visitors += 1;
    socket.on('data', () => socket.write('{"ok": {"protocol": 3, "pid": 1}}\n'));
  });
  await mkdir(state.memory, { mode: 0o711 });
  await new Promise<void>((resolve) => server.listen(join(state.memory, 'keeper.sock'), resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  for (const folder of [state.root, state.memory, `${state.memory}-real`])
    await rm(folder, { recursive: true, force: true });
});

async function expectRefusal(): Promise<void> {
  await expect(findKeeper(state)).rejects.toMatchObject({ code: 'state-unwritable' });
  await expect(openKeeper(state, new AbortController().signal)).rejects.toMatchObject({ code: 'state-unwritable' });
  expect(visitors).toBe(0);
}

test('a keeper of ours in a folder of ours is found', async () => {
  const keeper = await findKeeper(state);
  expect(keeper?.pid).toBe(1);
  keeper?.close();
  expect(visitors).toBe(1);
});

test('no keeper is asked in a folder that others may change', async () => {
  await chmod(state.memory, 0o777);
  await expectRefusal();
});

test('no keeper is asked behind a link', async () => {
  await rename(state.memory, `${state.memory}-real`);
  await symlink(`${state.memory}-real`, state.memory);
  await expectRefusal();
});

test("no keeper is asked in another user's folder, or a group's", async () => {
  await (isRoot ? chown(state.memory, NOBODY, NOBODY) : chmod(state.memory, 0o730));
  await expectRefusal();
});

test("another user's socket is none, and no link to one", async () => {
  const path = join(state.memory, 'keeper.sock');
  await rename(path, `${path}-real`);
  await symlink(`${path}-real`, path);
  expect(await findKeeper(state)).toBeUndefined();
  await rename(`${path}-real`, path);
  await (isRoot ? chown(path, NOBODY, NOBODY) : rm(path));
  expect(await findKeeper(state)).toBeUndefined();
  expect(visitors).toBe(0);
});
