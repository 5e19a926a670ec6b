import { randomInt } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import type { StateFolder } from '../../model/state.ts';
import { readAvailableMiB } from '../../host/memory.ts';
import { type GuestCgroup, createCgroup } from '../cgroup.ts';
import { type KvmState, knownKvmState } from './accelerator.ts';
import { findQemu } from './program.ts';

const SHARED_MEMORY = '/dev/shm';

/** What a host offers to guests; for `rennet doctor`. Nothing is booted. */
export interface HostDescription {
  /** Empty where QEMU is not installed. */
  readonly qemuVersion: string;
  readonly kvm: KvmState;
  /** The memory file system for images, guests' disks and spools, MiB. */
  readonly tmpfs: {
    readonly folder: string;
    readonly sizeMiB: number;
    readonly freeMiB: number;
    readonly isMemory: boolean;
  };
  readonly memory: { readonly totalMiB: number; readonly availableMiB: number };
  readonly cpus: number;
  /** Whether ordinary users may make user namespaces; only needed when rennet does not run as root. */
  readonly userNamespaces: boolean;
  /** The control group that a guest really gets from us here, or why none. */
  readonly cgroups: Pick<GuestCgroup, 'version' | 'sentence'>;
}

const TMPFS_MAGIC = 0x01021994;

export async function describeHost(state: StateFolder): Promise<HostDescription> {
  const [meminfo, cpuinfo, shared, kvm] = await Promise.all([
    readFile('/proc/meminfo', 'utf8'),
    readFile('/proc/cpuinfo', 'utf8'),
    statfs(SHARED_MEMORY).catch(() => undefined),
    knownKvmState(state),
  ]);
  const toMiB = (blocks: number | undefined): number =>
    Math.floor(((blocks ?? 0) * (shared?.bsize ?? 0)) / (1024 * 1024));
  return {
    qemuVersion: await findQemu(state).then(
      (qemu) => qemu.version,
      () => '',
    ),
    kvm,
    tmpfs: {
      folder: SHARED_MEMORY,
      sizeMiB: toMiB(shared?.blocks),
      freeMiB: toMiB(shared?.bavail),
      isMemory: shared?.type === TMPFS_MAGIC,
    },
    memory: {
      totalMiB: Math.floor(Number(/^MemTotal:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0) / 1024),
      availableMiB: readAvailableMiB(meminfo),
    },
    cpus: cpuinfo.match(/^processor\s*:/gm)?.length ?? 1,
    userNamespaces: await mayMakeUserNamespaces(),
    cgroups: await tryCgroup(),
  };
}

/** Debian's and Ubuntu's switches; the limit is the kernel's own. */
async function mayMakeUserNamespaces(): Promise<boolean> {
  const read = async (name: string, missing: number): Promise<number> =>
    Number((await readFile(`/proc/sys/${name}`, 'utf8').catch(() => String(missing))).trim());
  const [limit, debian, apparmor] = await Promise.all([
    read('user/max_user_namespaces', 0),
    read('kernel/unprivileged_userns_clone', 1),
    read('kernel/apparmor_restrict_unprivileged_userns', 0),
  ]);
  return limit > 0 && debian !== 0 && apparmor === 0;
}

/** Mounted is not enough: a user, or a container, may be allowed to make none. */
async function tryCgroup(): Promise<Pick<GuestCgroup, 'version' | 'sentence'>> {
  const limits = { memoryMiB: 64, processes: 1, cpus: 1 };
  const group = await createCgroup(`${process.pid}-${randomInt(1, 2 ** 47)}`, limits);
  await group.remove();
  return { version: group.version, sentence: group.sentence };
}
