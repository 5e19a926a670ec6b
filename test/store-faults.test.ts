import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { stateFolder } from '../src/model/state.ts';
import { clusterPaths } from '../src/store/cluster.ts';
import { serverPid, stopCommand, stopDatabase } from '../src/store/database-stop.ts';
import { openStore } from '../src/store/store.ts';
import { freshFolder, freshState, isRoot, kill, open, other, program, signal, start } from './fixtures/stores.ts';

const shared = freshState();

test('first use by two processes at once, below a folder that is closed to others', async () => {
  const state = await freshState('closed', 'state');
  const both = await Promise.all([other('begin', state), other('begin', state)]);
  const ids = both.map(({ answer }) => answer as string);
  expect(new Set(ids).size).toBe(2);
  for (const { child } of both) if (child.exitCode === null) await once(child, 'exit');

  const store = await open(state);
  // Both went without ending what they had begun; whichever opened last may have ended the other's already.
  for (const id of ids) {
    const attempt = await store.attempt(id);
    expect(attempt).toMatchObject({ outcome: 'infrastructure', evidence: { interrupted: true }, ...start });
  }
  expect((await readdir(state.root)).filter((name) => name.includes('tmp-'))).toEqual([]);
  expect((await stat(state.postgres)).mode & 0o777).toBe(0o700);
  expect((await stat(clusterPaths(state, isRoot).socketFolder)).mode & 0o777).toBe(0o700);
  if (isRoot) expect((await stat(state.postgres)).uid).not.toBe(0);
  const pid = await serverPid(state);
  const sockets = await execa('ls', ['-l', `/proc/${pid}/fd`]);
  const inodes = [...sockets.stdout.matchAll(/socket:\[(\d+)\]/g)].map((match) => match[1]);
  const tcp = `${await readFile('/proc/net/tcp', 'utf8')}${await readFile('/proc/net/tcp6', 'utf8').catch(() => '')}`;
  expect(inodes.length).toBeGreaterThan(0);
  expect(inodes.filter((inode) => tcp.includes(` ${inode} `))).toEqual([]);
});

test('kill -9 of a process ends its attempts at the next start, and nobody else’s', async () => {
  const state = await shared;
  const [killed, living] = await Promise.all([other('hang', state), other('hang', state)]);
  await kill(killed.child);
  const store = await open(state);
  expect(store.recovery.interrupted).toEqual([killed.answer]);
  expect(await store.attempt(killed.answer as string)).toMatchObject({ outcome: 'infrastructure' });
  expect((await store.attempt(living.answer as string))?.outcome).toBeUndefined();
});

test('kill -9 of the server loses nothing, and the store goes on', async () => {
  const state = await shared;
  const store = await open(state);
  const id = await store.beginAttempt(start);
  const pid = await serverPid(state);
  process.kill(pid ?? 0, 'SIGKILL');
  while ((await serverPid(state)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  // A power cut leaves pid files, and another process of the same user may have that number by now.
  const { uid } = await stat(state.postgres);
  const stranger = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot ? { uid } : {}) });
  const lock = join(clusterPaths(state, isRoot).socketFolder, '.s.PGSQL.5432.lock');
  for (const file of [join(state.postgres, 'postmaster.pid'), lock])
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^\d+/, String(stranger.pid)));
  expect(await serverPid(state)).toBeUndefined();

  await store.attempt(id).catch(() => undefined);
  await store.endAttempt(id, { outcome: 'kept', sentence: 'z' });
  expect(await store.attempt(id)).toMatchObject({ outcome: 'kept' });
  expect([undefined, pid, stranger.pid]).not.toContain(await serverPid(state));
  await kill(stranger);
});

test('one blob put by two processes, one of them killed', async () => {
  const state = await shared;
  const store = await open(state);
  const file = join(await freshFolder(), 'wheel');
  await writeFile(file, Buffer.alloc(3_000_000, 'wheel'));
  const rivals = await Promise.all([other('put', state, file), other('put', state, file)]);
  const sha256 = await store.putBlob(file);
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const { child } of rivals) await kill(child);
  await open(state);
  expect((await readFile(store.blobPath(sha256))).equals(await readFile(file))).toBe(true);
  expect((await readdir(state.blobs)).filter((name) => name.startsWith('tmp-'))).toEqual([]);
});

test('an idle server is stopped, one in use is not', async () => {
  const state = await shared;
  const [command = '', ...rest] = stopCommand(state);
  const store = await open(state);
  expect((await execa(command, rest, { reject: false })).exitCode).toBe(1);
  await store.beginAttempt(start);
  await store.close();
  expect((await execa(command, rest, { reject: false })).exitCode).toBe(0);
  expect(await serverPid(state)).toBeUndefined();
  expect((await execa(command, rest, { reject: false })).exitCode).toBe(0);
  expect(await stopDatabase(state, signal)).toBe(false);
});

test('a state folder that its owner alone may enter stays so, and stays root’s', async () => {
  const state = await freshState('shut');
  await mkdir(state.root, { mode: 0o700 });
  const store = await open(state);
  expect(await store.beginAttempt(start)).toMatch(/^a/);
  expect(await stat(state.root)).toMatchObject({ uid: process.geteuid?.(), mode: 0o40700 });
  if (!isRoot) return;
  // Of the state folder the server sees its own folders only.
  const place = clusterPaths(state, isRoot).view;
  expect(await readdir(`/proc/${await serverPid(state)}/root${place}`)).toEqual(['postgres', 'run']);
  await expect(readdir(`/proc/${await serverPid(state)}/root${place}/run`)).resolves.toEqual(['db']);
});

test('a log that is a link is not written to', async () => {
  const state = await freshState();
  const victim = join(await freshFolder(), 'victim');
  await writeFile(victim, 'words');
  await mkdir(state.run, { recursive: true });
  await symlink(victim, clusterPaths(state, isRoot).log);
  await expect(open(state)).rejects.toMatchObject({ code: 'state-unwritable' });
  expect(await readFile(victim, 'utf8')).toBe('words');
});

test('a state folder with a long path', async () => {
  const state = await freshState('x'.repeat(120), 'state');
  const store = await open(state);
  expect(await store.beginAttempt(start)).toMatch(/^a/);
});

test('with a long path, what waits under the name of the socket folder is never asked', async () => {
  const state = await freshState('y'.repeat(120), 'state');
  const { socketFolder } = clusterPaths(state, isRoot);
  const trap = await freshFolder();
  await mkdir(join(trap, 'db'));
  let asked = 0;
  const impostor = createServer((socket) => {
    asked += 1;
    socket.destroy();
  });
  impostor.listen(join(trap, 'db', '.s.PGSQL.5432'));
  await once(impostor, 'listening');
  await symlink(trap, dirname(socketFolder));
  try {
    await expect(openStore(state, signal)).rejects.toMatchObject({ code: 'state-unwritable' });
    expect(asked).toBe(0);
  } finally {
    await rm(dirname(socketFolder));
    await new Promise((resolve) => impostor.close(resolve));
  }
});

test('a shared server by its address', async () => {
  const server = await shared;
  await open(server);
  const { socketFolder } = clusterPaths(server, isRoot);
  const state = await freshState();
  process.env['RENNET_DATABASE_URL'] = `postgresql://rennet@/postgres?host=${encodeURIComponent(socketFolder)}`;
  try {
    const store = await open(state);
    const id = await store.beginAttempt(start);
    expect(await store.attempt(id)).toMatchObject(start);
    expect(await readdir(state.root)).not.toContain('postgres');
    process.env['RENNET_DATABASE_URL'] = 'postgresql://rennet:geheim@/postgres?host=/nowhere';
    const refused = openStore(state, signal);
    await expect(refused).rejects.toMatchObject({ code: 'database-failed' });
    await expect(refused).rejects.not.toThrow('geheim');
  } finally {
    delete process.env['RENNET_DATABASE_URL'];
  }
});

test.each([
  ['64m', 'open', 'no-space'],
  ['700m', 'fill', undefined],
])('a disk of %s', async (size, command, expected) => {
  const folder = await freshFolder();
  await chmod(folder, 0o755);
  const file = join(await freshFolder(), 'blob');
  await writeFile(file, Buffer.alloc(8_000_000, 'blob'));
  const root = join(folder, 'state');
  const script = 'mount -t tmpfs -o "size=$1,mode=755" tmpfs "$2" && shift 2 && exec "$@"';
  const inner = ['sh', '-c', script, 'sh', size, folder, process.execPath, program, command, root, file];
  const argv = [...(isRoot ? [] : ['sudo', '-n']), 'unshare', '--mount', ...inner];
  const { stdout } = await execa(argv[0] ?? '', argv.slice(1), { stderr: 'inherit' });
  await rm(stateFolder(root).memory, { recursive: true, force: true });
  const answer = JSON.parse(stdout) as unknown;
  if (expected) expect(answer).toBe(expected);
  else expect(answer).toMatchObject({ full: 'ENOSPC', blob: 'no-space', left: [], query: 'no-space', outcome: 'kept' });
});
