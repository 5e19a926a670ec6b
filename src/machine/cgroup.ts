import { access, constants, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killAll } from '../host/process-family.ts';
import { type CgroupTree, NEEDED_CONTROLLERS, type PlaceV2, findPlaceV2, ownTrees } from './cgroup-place.ts';

/** A control group that bounds one guest, where this host lets us make one. */
export interface GuestCgroup {
  /** Which kind: `v2`, `v1`, or `none` where no group could be made. */
  readonly version: 'v2' | 'v1' | 'none';
  /** What bounds the guest and below which group, or why there is no group; for people. */
  readonly sentence: string;
  /** Files that a process writes its own id into to join. */
  readonly joinFiles: readonly string[];
  /** How many processes the kernel killed because the guest's memory was used up. */
  outOfMemoryKills(): Promise<number>;
  /** Kills all that is in it. Never rejects. */
  kill(): Promise<void>;
  /** Removes the group after the last process is gone; kills what is left. Never rejects. */
  remove(): Promise<void>;
}

export interface CgroupLimits {
  readonly memoryMiB: number;
  readonly processes: number;
  /** Processors of the guest; it may use one more than these, for what its machine does beside them. No bound where not given. */
  readonly cpus?: number;
}

const PERIOD_US = 100_000;

/** Makes a group named `rennet-<name>`: cgroup v2, then v1, then none. Never rejects. */
export async function createCgroup(name: string, limits: CgroupLimits): Promise<GuestCgroup> {
  const trees = await ownTrees();
  const v2 = await createV2(name, limits, trees);
  if (typeof v2 !== 'string') return v2;
  const v1 = await createV1(name, limits, trees);
  if (typeof v1 !== 'string') return v1;
  // v1 is the reason where it has the controllers, v2 elsewhere.
  const isV1 = trees.some((tree) => tree.version === 'v1' && tree.controllers.includes('memory'));
  return noGroup(isV1 || v2 === '' ? v1 : v2);
}

function noGroup(reason: string): GuestCgroup {
  return {
    version: 'none',
    sentence: reason,
    joinFiles: [],
    outOfMemoryKills: async () => 0,
    kill: async () => {},
    remove: async () => {},
  };
}

/** What was found out stays true for the life of this process, but for a group that somebody removes. */
const places = new Map<string, Promise<PlaceV2>>();

/** The group, or why there is none; '' where nothing of v2 is mounted. */
async function createV2(
  name: string,
  limits: CgroupLimits,
  trees: readonly CgroupTree[],
): Promise<GuestCgroup | string> {
  const tree = trees.find(({ version }) => version === 'v2');
  if (tree === undefined) return '';
  const known = places.get(tree.top);
  // Kept before it is found: two guests that begin at once must not both divide our group.
  const finding = known ?? findPlaceV2(tree);
  places.set(tree.top, finding);
  const place = await finding;
  if (place.folder === undefined) return place.reason;
  const folder = join(place.folder, `rennet-${name}`);
  try {
    await mkdir(folder);
    await writeFile(join(folder, 'memory.max'), bytes(limits));
    await writeFile(join(folder, 'pids.max'), String(limits.processes));
    await writeFile(join(folder, 'memory.swap.max'), '0').catch(() => {}); // absent without swap accounting
    await writeFile(join(folder, 'cpu.max'), `${quota(limits, 'max')} ${PERIOD_US}`).catch(() => {}); // only where there is cpu
  } catch (error) {
    await rmdir(folder).catch(() => {});
    if (places.get(tree.top) === finding) places.delete(tree.top);
    return known === undefined ? refusal(place.folder, error) : createV2(name, limits, trees);
  }
  return {
    version: 'v2',
    sentence: told('v2', place.controllers, place.folder),
    joinFiles: [join(folder, 'cgroup.procs')],
    outOfMemoryKills: () => countOf(join(folder, 'memory.events'), /^oom_kill (\d+)$/m),
    kill: () => killGroup(folder),
    async remove() {
      await killGroup(folder);
      await removeFolder(folder);
    },
  };
}

/** v1 has a tree for each controller; ours goes below our own group there, whose bounds then hold too. */
async function createV1(
  name: string,
  limits: CgroupLimits,
  trees: readonly CgroupTree[],
): Promise<GuestCgroup | string> {
  const parent = (controller: string): string | undefined =>
    trees.find((tree) => tree.version === 'v1' && tree.controllers.includes(controller))?.own;
  const missing = NEEDED_CONTROLLERS.filter((controller) => parent(controller) === undefined);
  if (missing.length > 0) return `this system shows no ${missing.join(' and ')} controller of control groups`;
  // Equal shares between guests are the kernel's default; without this tree they have none, and all else holds.
  const cpu = parent('cpu');
  const hasCpu = cpu !== undefined && (await isWritable(cpu));
  const controllers = [...NEEDED_CONTROLLERS, ...(hasCpu ? ['cpu'] : [])];
  const made = new Map<string, string>();
  try {
    for (const controller of controllers) {
      const folder = join(parent(controller) ?? '', `rennet-${name}`);
      // Two controllers of one tree share their groups.
      if (![...made.values()].includes(folder)) await mkdir(folder);
      made.set(controller, folder);
    }
    const set = (controller: string, file: string, value: string): Promise<void> =>
      writeFile(join(made.get(controller) ?? '', file), value);
    await set('memory', 'memory.limit_in_bytes', bytes(limits));
    await set('memory', 'memory.memsw.limit_in_bytes', bytes(limits)).catch(() => {}); // absent without swap accounting
    await set('pids', 'pids.max', String(limits.processes));
    if (hasCpu) await set('cpu', 'cpu.cfs_quota_us', quota(limits, '-1')).catch(() => {}); // absent in some kernels
  } catch (error) {
    for (const folder of made.values()) await rmdir(folder).catch(() => {});
    return refusal(parent('memory') ?? '', error);
  }
  const folders = [...new Set(made.values())];
  return {
    version: 'v1',
    sentence: told('v1', controllers, parent('memory') ?? ''),
    joinFiles: folders.map((folder) => join(folder, 'cgroup.procs')),
    outOfMemoryKills: () => countOf(join(made.get('memory') ?? '', 'memory.oom_control'), /^oom_kill (\d+)$/m),
    kill: () => killGroup(made.get('pids') ?? ''),
    async remove() {
      for (const folder of folders) await removeFolder(folder);
    },
  };
}

const told = (version: string, controllers: readonly string[], parent: string): string =>
  `cgroup ${version}, ${controllers.join(', ')}, below ${parent}`;

function refusal(parent: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'EROFS') return `control groups are mounted read-only here (${parent}), as in many containers`;
  if (code === 'EACCES' || code === 'EPERM') return `this user may make no group below ${parent}`;
  return `no group can be made below ${parent} (${code})`;
}

const bytes = (limits: CgroupLimits): string => String(limits.memoryMiB * 1024 * 1024);
const quota = ({ cpus }: CgroupLimits, none: 'max' | '-1'): string =>
  cpus === undefined ? none : String((cpus + 1) * PERIOD_US);
const isWritable = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );

async function countOf(file: string, pattern: RegExp): Promise<number> {
  return Number(pattern.exec(await readFile(file, 'utf8').catch(() => ''))?.[1] ?? 0);
}

/** v2 has a file for it (Linux 5.14); else its processes are killed by their ids. */
export async function killGroup(folder: string): Promise<void> {
  const killed = await writeFile(join(folder, 'cgroup.kill'), '1').then(
    () => true,
    () => false,
  );
  if (!killed) killAll(await processesOf(folder));
}

export async function processesOf(folder: string): Promise<number[]> {
  const list = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  return list.split('\n').filter(Boolean).map(Number);
}

/** The kernel lets a group go a moment after its last process. */
export async function removeFolder(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) return;
      await sleep(Math.min(20, 2 + tries));
    }
  }
}
