import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A control group that bounds one guest, where this host lets us make one. */
export interface GuestCgroup {
  /** Which kind: `v2`, `v1`, or `none` where no group could be made. */
  readonly version: 'v2' | 'v1' | 'none';
  /** Files that a process writes its own id into to join. */
  readonly joinFiles: readonly string[];
  /** How many processes the kernel killed because the guest's memory was used up. */
  outOfMemoryKills(): Promise<number>;
  /** Removes the group after the last process is gone; kills what is left. Never rejects. */
  remove(): Promise<void>;
}

export interface CgroupLimits {
  readonly memoryMiB: number;
  readonly processes: number;
}

const ROOT = '/sys/fs/cgroup';
const NONE: GuestCgroup = {
  version: 'none',
  joinFiles: [],
  outOfMemoryKills: async () => 0,
  remove: async () => {},
};

/** Makes a group named `rennet-<name>`: cgroup v2, then v1, then none. Never rejects. */
export async function createCgroup(name: string, limits: CgroupLimits): Promise<GuestCgroup> {
  return (await createV2(name, limits)) ?? (await createV1(name, limits)) ?? NONE;
}

async function createV2(name: string, limits: CgroupLimits): Promise<GuestCgroup | undefined> {
  const folder = join(ROOT, `rennet-${name}`);
  try {
    const controllers = await readFile(join(ROOT, 'cgroup.subtree_control'), 'utf8');
    for (const controller of ['memory', 'pids'])
      if (!controllers.includes(controller)) await writeFile(join(ROOT, 'cgroup.subtree_control'), `+${controller}`);
    await mkdir(folder);
  } catch {
    return undefined;
  }
  try {
    await writeFile(join(folder, 'memory.max'), bytes(limits));
    await writeFile(join(folder, 'pids.max'), String(limits.processes));
    await writeFile(join(folder, 'memory.swap.max'), '0').catch(() => {}); // absent without swap accounting
  } catch {
    await rmdir(folder).catch(() => {});
    return undefined;
  }
  return {
    version: 'v2',
    joinFiles: [join(folder, 'cgroup.procs')],
    outOfMemoryKills: () => countOf(join(folder, 'memory.events'), /^oom_kill (\d+)$/m),
    async remove() {
      await writeFile(join(folder, 'cgroup.kill'), '1').catch(() => {});
      await removeFolder(folder);
    },
  };
}

/** v1 has a tree for each controller; ours goes below our own group, whose bounds then hold too. */
async function createV1(name: string, limits: CgroupLimits): Promise<GuestCgroup | undefined> {
  const made: string[] = [];
  try {
    const own = await readFile('/proc/self/cgroup', 'utf8');
    const place = (controller: string): string => join(ROOT, controller, ownGroup(own, controller), `rennet-${name}`);
    for (const controller of ['memory', 'pids']) {
      await mkdir(place(controller));
      made.push(place(controller));
    }
    await writeFile(join(place('memory'), 'memory.limit_in_bytes'), bytes(limits));
    await writeFile(join(place('pids'), 'pids.max'), String(limits.processes));
  } catch {
    for (const folder of made) await rmdir(folder).catch(() => {});
    return undefined;
  }
  return {
    version: 'v1',
    joinFiles: made.map((folder) => join(folder, 'cgroup.procs')),
    outOfMemoryKills: () => countOf(join(made[0] ?? '', 'memory.oom_control'), /^oom_kill (\d+)$/m),
    async remove() {
      for (const folder of made) await removeFolder(folder);
    },
  };
}

/** The path of our own group in one v1 hierarchy, of /proc/self/cgroup. Pure. */
export function ownGroup(procSelfCgroup: string, controller: string): string {
  for (const line of procSelfCgroup.split('\n')) {
    const [, names, ...path] = line.split(':');
    if (names?.split(',').includes(controller)) return path.join(':');
  }
  throw new Error(`no ${controller} controller`);
}

function bytes(limits: CgroupLimits): string {
  return String(limits.memoryMiB * 1024 * 1024);
}

async function countOf(file: string, pattern: RegExp): Promise<number> {
  return Number(pattern.exec(await readFile(file, 'utf8').catch(() => ''))?.[1] ?? 0);
}

/** The kernel lets a group go a moment after its last process. */
async function removeFolder(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) return;
      await sleep(Math.min(20, 2 + tries));
    }
  }
}
