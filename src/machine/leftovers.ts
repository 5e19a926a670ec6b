import { type Dirent, existsSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { slotLocks, takeSlotLock } from './qemu/slot-lock.ts';

const CGROUPS = '/sys/fs/cgroup';
/** With v2 our groups lie on top; with v1 each controller has a tree, and ours lie below our own group there (cgroup.ts). */
const V1_DEPTH = 6;

/**
 * Removes what guests of killed processes left on this host: their control groups and the folders of their slots. Guests themselves die
 * with their rennet. Safe beside running ones: a group is removed only when it is empty, a slot only under its lock.
 */
export async function removeGuestLeftovers(state: StateFolder): Promise<void> {
  if (existsSync(join(CGROUPS, 'cgroup.controllers'))) await removeGroups(CGROUPS, 1);
  else for (const controller of ['memory', 'pids']) await removeGroups(join(CGROUPS, controller), V1_DEPTH);
  const slots = join(state.memory, 'slots');
  for (const number of await readdir(slots).catch(() => [])) {
    const unlock = await takeSlotLock(slotLocks(state), number);
    if (unlock === undefined) continue;
    await rm(join(slots, number), { recursive: true, force: true });
    await unlock();
  }
}

async function removeGroups(folder: string, depth: number): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    const owner = /^rennet-(\d+)-\d+$/.exec(entry.name)?.[1];
    if (owner === undefined) {
      if (depth > 1) await removeGroups(path, depth - 1);
    } else if (!existsSync(`/proc/${owner}`) && (await isEmpty(path))) await rmdir(path).catch(() => {});
  }
}

/** rmdir(2) refuses a group with processes anyway; this spares the try. */
async function isEmpty(group: string): Promise<boolean> {
  return (await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '1')) === '';
}
