import { type Dirent, existsSync } from 'node:fs';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ownTrees } from './cgroup-place.ts';

/** They lie below groups of ours or of systemd's, some levels down a tree (cgroup-place.ts). */
const DEPTH = 8;

/** Removes the control groups that killed processes of ours left, wherever in the trees; only empty ones. Never rejects. */
export async function removeCgroupLeftovers(): Promise<void> {
  for (const { top } of await ownTrees()) await removeGroups(top, DEPTH);
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
