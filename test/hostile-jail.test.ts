import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256OfFile } from '../src/host/files.ts';
import { type Keeper, type KeptMemory, openKeeper } from '../src/machine/keeper.ts';
import { jailed } from '../src/machine/qemu/jail.ts';
import { type StateFolder, stateFolder } from '../src/model/state.ts';

// A program in the place of QEMU tries to leave QEMU's jail: as the user of a slot that root's rennet gives it, and as an ordinary user.

const PRISONER = join(import.meta.dirname, 'support/hostile/prisoner.py');
const SLOT_UID = 1_990_000_511;
const USER_UID = 54_321;
const MEMORY_BYTES = 1 << 20;
/** What whoever started rennet left open for its children: Node passes it on, the jail may not. */
const SHELL = ['sh', '-c', 'exec 9</etc/shadow; exec "$@"', 'sh'];
const ABSTRACT = `rennet-hostile-${process.pid}`;

let folder = '';
let state: StateFolder;
let keeper: Keeper;
let memory: KeptMemory;
const servers: Server[] = [];
let tcp = 0;
let visits = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
  await chmod(folder, 0o755);
  state = stateFolder(join(folder, 'state'));
  keeper = await openKeeper(state, new AbortController().signal);
  const made = await keeper.createMemory('template', MEMORY_BYTES);
  if (made === undefined) throw new Error('the name is taken');
  const fd = keeper.open(made, 'r+');
  writeSync(fd, 'what every clone shares', 0);
  closeSync(fd);
  memory = await keeper.sealMemory('template', {}, await keeper.digestMemory('template'));
  for (const place of [{ port: 0, host: '127.0.0.1' }, { path: `\0${ABSTRACT}` }, { path: join(folder, 'socket') }]) {
    const server = createServer((socket) => {
      visits += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(place, resolve));
    servers.push(server);
  }
  const address = servers[0]?.address();
  tcp = typeof address === 'object' && address !== null ? address.port : 0;
  await chmod(join(folder, 'socket'), 0o777);
});
afterAll(async () => {
  for (const server of servers) server.close();
  await keeper.stop();
  await rm(folder, { recursive: true, force: true });
  await rm(state.memory, { recursive: true, force: true });
});

interface Found {
  readonly uid: number;
  readonly descriptors: readonly number[];
  readonly root: readonly string[];
  readonly processes: number;
  readonly status: Readonly<Record<string, string>>;
}

/** Runs it with the descriptors that a clone's QEMU has: channels from 3 on, the template's memory as 8. */
async function imprison(owner: number, uid: number | undefined): Promise<Found & Readonly<Record<string, unknown>>> {
  const names = ['kernel', 'initrd', 'base', 'input'] as const;
  const files = Object.fromEntries(names.map((name) => [name, join(folder, `${owner}.${name}`)])) as Record<
    (typeof names)[number],
    string
  >;
  for (const path of Object.values(files)) {
    await writeFile(path, `the bytes of ${path}`);
    await chown(path, owner, owner);
  }
  const before = await Promise.all(Object.values(files).map((path) => sha256OfFile(path)));
  const digest = await keeper.digestMemory('template');
  const outside = {
    paths: [folder, state.memory, join(state.memory, 'keeper.sock'), files.base, '/run/rennet-slots'],
    sockets: [join(state.memory, 'keeper.sock'), join(folder, 'socket'), '/run/rennet-slots/0'],
    tcp,
    abstract: ABSTRACT,
    pid: process.pid,
  };
  const python = await realpath('/usr/bin/python3');
  const jail = {
    files,
    uid,
    kvmGroup: undefined,
    addressSpaceMiB: 1024,
    fileBytes: 0,
    qemu: python,
    joinFiles: [],
    lastDescriptor: 8,
  };
  const command = jailed(jail, ['-I', '-S', '-c', await readFile(PRISONER, 'utf8'), JSON.stringify(outside)]);
  const asUser = ['setpriv', `--reuid=${owner}`, `--regid=${owner}`, '--clear-groups', '--'];
  const [file = '', ...args] = [...SHELL, ...(uid === undefined ? asUser : []), ...command];
  const opened = keeper.open(memory, 'r');
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', opened],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    const said = await text(child.stderr as NodeJS.ReadableStream);
    expect(said).toMatch(/^\{.*\}$/);
    // Nothing outside has changed, and nobody was called.
    expect(await Promise.all(Object.values(files).map((path) => sha256OfFile(path)))).toEqual(before);
    expect(await keeper.digestMemory('template')).toBe(digest);
    expect(visits).toBe(0);
    return JSON.parse(said) as Found & Record<string, unknown>;
  } finally {
    closeSync(opened);
  }
}

/** Fills holes of the memory with zeros, which every clone may do by reading them: it grows to its size, and its bytes stay. */
const FILLS = ['template fill, opened for writing'];
/** The jail's first process is then of the same user, in the same jail and without capabilities: nothing is to be had there. */
const FIRST_PROCESS = ['open /proc/1/environ', 'open /proc/1/mem'];

describe.each([
  ["the user of a slot of root's rennet", 0, SLOT_UID, FILLS],
  ['an ordinary user', USER_UID, undefined, [...FIRST_PROCESS, ...FILLS]],
] as const)('in the jail as %s', (_who, owner, uid, harmless) => {
  test('all that was tried and leads out is refused', async () => {
    const { uid: own, descriptors, root, processes, status, ...tried } = await imprison(owner, uid);
    const came = Object.entries(tried).filter(([, result]) => !String(result).startsWith('refused '));
    expect(came.map(([name]) => name).toSorted()).toEqual([...harmless]);
    expect(Object.keys(tried).length).toBeGreaterThan(90);
    for (const [name, result] of Object.entries(tried))
      if (name.includes('keyring')) expect(result).toBe('refused EPERM');
    expect(own).toBe(uid ?? owner);
    expect(descriptors).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(root).toEqual(['base.ext4', 'dev', 'initrd', 'input.squashfs', 'kernel', 'lib', 'lib64', 'proc', 'usr']);
    expect(processes).toBeLessThanOrEqual(2);
    const none = '0000000000000000';
    expect(status).toEqual({ CapInh: none, CapPrm: none, CapEff: none, CapAmb: none, NoNewPrivs: '1' });
  });
});
