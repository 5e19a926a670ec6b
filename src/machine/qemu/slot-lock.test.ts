import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stateFolder } from '../../model/state.ts';
import { slotLocks, takeSlotLock } from './slot-lock.ts';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'rennet-slots-'));
  folder = join(parent, 'slots');
});
afterEach(() => rm(parent, { recursive: true }));

/** Another process that holds the lock `name`. */
async function holder(name: string): Promise<ChildProcess> {
  const program = `
    import { takeSlotLock } from ${JSON.stringify(new URL('slot-lock.ts', import.meta.url).href)};
    console.log(typeof (await takeSlotLock(${JSON.stringify(folder)}, ${JSON.stringify(name)})));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('function\n');
  return child;
}

test('one of many gets a lock; released, it is free and nothing stays', async () => {
  const tries = await Promise.all(Array.from({ length: 20 }, () => takeSlotLock(folder, '0')));
  const [unlock, ...others] = tries.filter((it) => it !== undefined);
  expect(others).toEqual([]);
  expect(await readdir(folder)).toEqual(['0']);
  const other = await takeSlotLock(folder, '1');
  await unlock?.();
  await other?.();
  expect(await readdir(folder)).toEqual([]);
  const again = await takeSlotLock(folder, '0');
  expect(again).toBeDefined();
  await again?.();
});

test('the lock of another process holds until it is killed; then one of many gets it', async () => {
  const child = await holder('0');
  try {
    expect(await takeSlotLock(folder, '0')).toBeUndefined();
    child.kill('SIGSTOP');
    expect(await takeSlotLock(folder, '0')).toBeUndefined();
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  expect(await readdir(folder)).toEqual(['0']);
  const tries = await Promise.all(Array.from({ length: 8 }, () => takeSlotLock(folder, '0')));
  const unlocks = tries.filter((it) => it !== undefined);
  expect(unlocks).toHaveLength(1);
  expect(await takeSlotLock(folder, '0')).toBeUndefined();
  await unlocks[0]?.();
  expect(await readdir(folder)).toEqual(['free.lock']);
});

test('no lock lies where other users could take it', async () => {
  await (await takeSlotLock(folder, '0'))?.();
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  await chmod(folder, 0o755);
  await expect(takeSlotLock(folder, '0')).rejects.toMatchObject({ code: 'state-unwritable' });
  const [one, two] = [stateFolder('/srv/one'), stateFolder('/srv/two')].map(slotLocks);
  // User ids count on the whole host, so root's state folders share their locks.
  expect(one === two).toBe(process.geteuid?.() === 0);
});
