import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { slotLocks } from '../../../src/machine/qemu/slot-lock.ts';
import type { StateFolder } from '../../../src/model/state.ts';
import { until } from '../aftermath.ts';
import { commandOf, leftovers } from '../traces.ts';

/** User ids of slots (slot.ts) and of the namespace driver's guests: nobody else on a host has such. */
export const FIRST_SLOT_UID = 1_990_000_000;
const FIRST_GUEST_UID = 1_073_741_824;

/** What was seen while a guest ran; whose child an orphan was is known only while it has its parent. */
export interface Watch {
  /** Slots' user ids that processes of ours ran under. */
  readonly uids: ReadonlySet<number>;
  stop(): ReadonlySet<number>;
}

/** Looks at our descendants until it is stopped; gives all that were seen. */
export function watchProcesses(): Watch {
  const seen = new Set<number>();
  const uids = new Set<number>();
  const look = (pid: number): void => {
    for (const child of childrenOf(pid)) {
      seen.add(child);
      const uid = uidOf(child);
      if (uid >= FIRST_SLOT_UID) uids.add(uid);
      look(child);
    }
  };
  look(process.pid);
  const timer = setInterval(() => look(process.pid), 100);
  return {
    uids,
    stop() {
      clearInterval(timer);
      look(process.pid);
      return seen;
    },
  };
}

/** As the kernel lists them, for each thread that started some: cheaper than looking at all processes of the host. */
export function childrenOf(pid: number): number[] {
  let threads: string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
  }
  const lists = threads.map((thread) => readOfProcess(`${pid}/task/${thread}/children`));
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

/** Empty where the process has ended. Waiting for each would take ten times the processor, which is counted here (share.ts). */
export function readOfProcess(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** What may not change by a guest: names in the memory folder, open descriptors of this process. */
export interface Before {
  readonly memory: readonly string[];
  readonly descriptors: number;
}

export async function lookBefore(state: StateFolder): Promise<Before> {
  const descriptors = (await readdir('/proc/self/fd')).length;
  return { memory: await memoryNames(state), descriptors };
}

/** Two levels: images and their forms, slots, sockets. */
async function memoryNames({ memory }: StateFolder): Promise<string[]> {
  const names = await readdir(memory).catch(() => []);
  const below = names.map(async (name) =>
    (await readdir(join(memory, name)).catch(() => [])).map((it) => `${name}/${it}`),
  );
  return [...names, ...(await Promise.all(below)).flat()].toSorted();
}

/**
 * Nothing of a guest is left: no process that was `seen`, none of a guest's user without a rennet above it, no control group, mount or
 * folder (`place` is part of the paths of ours), no claim without its slot, no descriptor, nothing new in memory.
 */
export async function expectNothingLeft(
  state: StateFolder,
  place: string,
  before: Before,
  seen: ReadonlySet<number>,
): Promise<void> {
  expect((await Promise.all([...seen].map(commandOf))).filter(Boolean)).toEqual([]);
  expect(await orphans()).toEqual([]);
  expect(await leftovers(process.pid, place)).toEqual({ mounts: [], cgroups: [] });
  expect(await memoryNames(state)).toEqual(before.memory);
  expect(await claimsWithoutSlot(state)).toEqual([]);
  // Sockets close a turn of the event loop after their other end.
  await until(async () => (await readdir('/proc/self/fd')).length <= before.descriptors, 5000).catch(async () => {
    const open = await readdir('/proc/self/fd');
    expect(open.length).toBeLessThanOrEqual(before.descriptors);
  });
}

/** Processes of guests' users that have no process of Node above them: other rennets of this host have theirs. */
async function orphans(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || uidOf(pid) < FIRST_GUEST_UID || (await hasRennet(pid))) continue;
    const command = await commandOf(pid);
    if (command !== '') found.push(`${pid} ${command}`);
  }
  return found;
}

async function hasRennet(pid: number): Promise<boolean> {
  for (let at = pid; at > 1; ) {
    const stat = await readFile(`/proc/${at}/stat`, 'utf8').catch(() => '');
    // One that ended while we looked is no orphan.
    if (stat === '') return true;
    if (/\((?:node|MainThread)/.test(stat)) return true;
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return false;
}

function uidOf(pid: number): number {
  return Number(/^Uid:\t(\d+)/m.exec(readOfProcess(`${pid}/status`))?.[1] ?? 0);
}

async function claimsWithoutSlot(state: StateFolder): Promise<string[]> {
  const folder = slotLocks(state);
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.claim') && !existsSync(join(folder, name.slice(0, -6))));
}
