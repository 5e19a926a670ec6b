import { type Dirent, existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { killGroup, processesOf, removeFolder } from './cgroup.ts';
import { ownTrees } from './cgroup-place.ts';

/** They lie below groups of ours or of systemd's, some levels down a tree (cgroup-place.ts). */
const DEPTH = 8;

/**
 * Removes the control groups that killed processes of ours left, wherever in the trees, and kills what of a guest outlived its rennet (it was
 * killed while the jail was being made). Never rejects.
 */
export async function removeCgroupLeftovers(): Promise<void> {
  for (const { top } of await ownTrees()) await removeGroups(top, DEPTH);
}

async function removeGroups(folder: string, depth: number): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    const [, owner, number] = /^rennet-(\d+)-(\d+)$/.exec(entry.name) ?? [];
    if (owner === undefined) {
      if (depth > 1) await removeGroups(path, depth - 1);
      continue;
    }
    if (existsSync(`/proc/${owner}`)) continue;
    // 0: where those who started rennet were moved (cgroup-place.ts); they may well live on.
    if (number !== '0' && (await isAbandoned(path))) await killGroup(path);
    else if ((await processesOf(path)).length > 0) continue;
    await removeFolder(path);
  }
}

/**
 * Whether it holds processes that init has taken over. The name's process id alone says too little: seen from outside a container
 * the rennet in it has another one, and still is the parent of what is in the group.
 */
async function isAbandoned(group: string): Promise<boolean> {
  const inside = await processesOf(group);
  if (inside.length === 0 || inside.includes(0)) return false; // 0: of a container that we do not see into
  const outside = (await Promise.all(inside.map(parentOf))).filter((parent) => !inside.includes(parent));
  return outside.every((parent) => parent === 1);
}

/** 1 for a process that has just ended. */
async function parentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 1);
}
