import {
  chmod,
  chown,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StateFolder, stateFolder } from '../model/state.ts';
import { findUser, serviceUser } from './service-user.ts';
import { prepareState } from './state-folder.ts';

const { signal } = new AbortController();
const isRoot = process.geteuid?.() === 0;
let folder: string;
let state: StateFolder;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-state-'));
  state = stateFolder(join(folder, 'state'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(state.memory, { recursive: true, force: true });
});

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

test('makes every folder, whatever the umask, and is content with what it made', async () => {
  const umask = process.umask(0o077);
  try {
    await prepareState(state, signal);
    await prepareState(state, signal);
  } finally {
    process.umask(umask);
  }
  expect(await readFile(state.versionFile, 'utf8')).toBe('1\n');
  expect(await Promise.all([state.root, state.archive, state.blobs, state.run].map(mode))).toEqual(
    Array(4).fill('755'),
  );
  expect(await mode(state.keys)).toBe('700');
  expect(await mode(state.memory)).toBe('711');
  expect((await stat(state.root)).uid).toBe(process.geteuid?.());
});

test('root takes back a state folder that it gave to the service user', async () => {
  await prepareState(state, signal);
  // A plain user has no service user beside itself.
  if (!isRoot) return;
  const { uid, gid } = await serviceUser(signal);
  await chown(state.root, uid, gid);
  await chmod(state.root, 0o777);
  await Promise.all([prepareState(state, signal), prepareState(state, signal)]);
  expect(await stat(state.root)).toMatchObject({ uid: 0, gid: 0 });
  expect(await mode(state.root)).toBe('755');
});

test.each(['keys', 'run', 'archive', 'blobs'] as const)(
  '%s that is a link, or somebody else’s, is refused',
  async (name) => {
    await prepareState(state, signal);
    await rm(state[name], { recursive: true });
    await symlink(folder, state[name]);
    const refused = { code: 'state-unwritable', message: expect.stringContaining(state[name]) as string };
    await expect(prepareState(state, signal)).rejects.toMatchObject(refused);
    if (!isRoot) return;
    await rm(state[name]);
    await mkdir(state[name]);
    await chown(state[name], 54_321, 54_321);
    await expect(prepareState(state, signal)).rejects.toMatchObject(refused);
  },
);

test('two at once make one folder', async () => {
  await Promise.all([prepareState(state, signal), prepareState(state, signal), prepareState(state, signal)]);
  expect(await readFile(state.versionFile, 'utf8')).toBe('1\n');
  expect((await readdir(state.root)).filter((name) => name.includes('tmp-'))).toEqual([]);
});

test.each([
  ['2\n', 'state-newer'],
  ['99', 'state-newer'],
  ['', 'state-unwritable'],
  ['one\n', 'state-unwritable'],
])('a version file with %j is refused and left alone', async (text, code) => {
  await mkdir(state.root);
  await writeFile(state.versionFile, text);
  await expect(prepareState(state, signal)).rejects.toMatchObject({ code });
  expect(await readdir(state.root)).toEqual(['version']);
});

test('a folder with other things in it is refused and left alone', async () => {
  await mkdir(state.root);
  await writeFile(join(state.root, 'letter.txt'), '');
  await expect(prepareState(state, signal)).rejects.toMatchObject({
    code: 'state-unwritable',
    message: expect.stringContaining('letter.txt') as string,
  });
  expect(await readdir(state.root)).toEqual(['letter.txt']);
});

test('a file in the way is named', async () => {
  await writeFile(join(folder, 'file'), '');
  const below = stateFolder(join(folder, 'file', 'state'));
  await expect(prepareState(below, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
});

test("another user's state folder is refused", async () => {
  await mkdir(state.root);
  // A plain user cannot give folders away, but sees the system's.
  const foreign = isRoot ? state : stateFolder('/usr');
  if (isRoot) await chown(state.root, 54_321, 54_321);
  await expect(prepareState(foreign, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
});

test('a memory folder that is a link to somewhere else is refused', async () => {
  await symlink(folder, state.memory);
  await expect(prepareState(state, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
  await rm(state.memory);
});

test('the images may lie elsewhere: behind a link of our own to a folder of our own', async () => {
  await prepareState(state, signal);
  await rm(state.images, { recursive: true });
  await symlink('/nonexistent', state.images);
  await expect(prepareState(state, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
  await rm(state.images);
  await symlink(folder, state.images);
  await prepareState(state, signal);
  if (!isRoot) return;
  await lchown(state.images, 54_321, 54_321);
  await expect(prepareState(state, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
});

test('what a killed process left is removed, what a living one writes stays', async () => {
  await prepareState(state, signal);
  await writeFile(join(state.blobs, 'tmp-4194305-1-dead00'), '');
  await mkdir(join(state.root, 'postgres.tmp-4194305-1-dead00'));
  const ticks = (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]?.split(' ')[19];
  const living = `tmp-${process.pid}-${ticks}-alive0`;
  await writeFile(join(state.blobs, living), '');
  await prepareState(state, signal);
  expect(await readdir(state.blobs)).toEqual([living]);
  expect(await readdir(state.root)).not.toContain('postgres.tmp-4194305-1-dead00');
});

test('passwd(5) is read by whole names', () => {
  const passwd = 'root:x:0:0::/root:/bin/sh\nrennets:x:7:7:::\nrennet:x:990:980::/nonexistent:/usr/sbin/nologin\n';
  expect(findUser(passwd, 'rennet')).toEqual({ uid: 990, gid: 980 });
  expect(findUser(passwd, 'renne')).toBeUndefined();
});
