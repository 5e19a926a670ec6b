import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** All living descendants of a process, by looking (zombies of others are not ours to reap and do not count). */
export async function descendants(pid = process.pid): Promise<Set<number>> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== undefined && state !== 'Z' && parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const found = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const [child, parent] of parents) {
      if (found.has(child) || (parent !== pid && !found.has(parent))) continue;
      found.add(child);
      grown = true;
    }
  }
  return found;
}

export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

/** What a process was started as; empty when it is gone. The keeper of templates may stay (DESIGN.md, "Command line"). */
export async function commandOf(pid: number): Promise<string> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return (await isAlive(pid)) && !command.includes('keeper.py') ? command.replaceAll('\0', ' ').slice(0, 300) : '';
}

/** Mounts of `place` that this process sees, and control groups of the guests of the process `pid`. */
export async function leftovers(
  pid = process.pid,
  place = 'rennet-contract',
): Promise<{ mounts: string[]; cgroups: string[] }> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(place));
  const cgroups: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      if (!entry.isDirectory()) continue;
      if (entry.name.startsWith(`rennet-${pid}-`)) cgroups.push(join(folder, entry.name));
      else if (depth > 0) await walk(join(folder, entry.name), depth - 1);
    }
  };
  await walk('/sys/fs/cgroup', 8);
  return { mounts, cgroups };
}
