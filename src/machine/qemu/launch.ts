import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { RennetError } from '../../model/errors.ts';
import { familyOf, killAll } from '../../host/process-family.ts';
import { DISK_ROOM_MIB } from '../../model/machine.ts';
import { type GuestCgroup, createCgroup } from '../cgroup.ts';
import { type MachineShape, qemuArguments } from './arguments.ts';
import { type JailFiles, jailed } from './jail.ts';
import { type Qmp, openQmp } from './qmp.ts';
import type { OwnDisk } from './root-disk.ts';

export interface LaunchOptions {
  readonly shape: MachineShape;
  readonly files: JailFiles;
  readonly uid: number | undefined;
  readonly kvmGroup: number | undefined;
  readonly qemu: string;
  /** Where the guest writes to a disk of its own. */
  readonly root?: OwnDisk;
  /** Open descriptors of this process that the machine inherits: its memory, then its device state. */
  readonly memory:
    | { readonly kind: 'own' }
    | { readonly kind: 'template'; readonly memory: number }
    | { readonly kind: 'clone'; readonly memory: number; readonly state: number };
}

/** A running QEMU in its jail. */
export interface RunningMachine {
  readonly streams: {
    readonly control: Duplex;
    readonly log: Duplex;
    readonly output: Duplex;
    readonly service: Duplex;
    /** The outermost process of the jail. */
    readonly process: number;
  };
  /** Only where the memory is or becomes a template. */
  readonly qmp: Qmp | undefined;
  /** Settles when QEMU has ended, whoever ended it; never rejects. */
  readonly ended: Promise<void>;
  /** The last of what QEMU and the guest's kernel complained of. */
  readonly complaints: () => string;
  /** Whether the kernel killed QEMU at the bound of its control group; known after `destroy`. */
  readonly killedForMemory: () => boolean;
  /** Kills QEMU and waits until nothing of it is left, its control group included; never rejects. */
  readonly destroy: () => Promise<void>;
}

const KEPT_BYTES = 4096;
/** QEMU's own code, its translation buffer and its threads' stacks and arenas; address space, not memory. */
const QEMU_ADDRESS_SPACE_MIB = 4096;

/** QEMU's own memory, and pages of the kernel that are charged to its group. Measured: 774 MiB for a guest of 768 that wrote nearly all. */
const QEMU_MEMORY_MIB = 384;
/** Threads count: one for each processor, the main loop, the jail's own processes, and up to 64 that read disks. */
const QEMU_THREADS = 128;

/** Starts QEMU. All its channels are socket pairs that it inherits: no socket files, nobody else can connect. */
export async function launch(options: LaunchOptions): Promise<RunningMachine> {
  const { shape, memory, root } = options;
  const cgroup = await createCgroup(`${process.pid}-${randomInt(1, 2 ** 47)}`, {
    memoryMiB: memoryBound(shape, memory.kind, root),
    processes: QEMU_THREADS + shape.cpus,
    cpus: shape.cpus,
  });
  const inherited = [
    ...channels(memory.kind === 'own' ? 5 : 6),
    ...(memory.kind === 'own' ? [] : [memory.memory]),
    ...(memory.kind === 'clone' ? [memory.state] : []),
  ];
  const jail = {
    files: { ...options.files, ...(root === undefined ? {} : { root: root.path }) },
    uid: options.uid,
    kvmGroup: options.kvmGroup,
    addressSpaceMiB: shape.memoryMiB + QEMU_ADDRESS_SPACE_MIB,
    fileBytes: root?.fileBytes ?? 0,
    qemu: options.qemu,
    joinFiles: cgroup.joinFiles,
    lastDescriptor: 2 + inherited.length,
  };
  const [file = '', ...args] = jailed(jail, qemuArguments(shape, { kind: memory.kind }, root?.kind));
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe', ...inherited],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    if (child.pid === undefined)
      throw new RennetError('boot-failed', `The jail of QEMU cannot be started: ${await reasonOf(child)}.`);
    return follow(child, memory.kind !== 'own', cgroup);
  } catch (error) {
    await cgroup.remove();
    throw error;
  }
}

/**
 * What QEMU may take. A clone that writes to a page that its template never touched takes two: the kernel first fills the hole of the
 * template's memfd, charged to the clone, and copies that. What it writes to a disk of its own lies in memory too, and counts as its own.
 */
function memoryBound(shape: MachineShape, kind: LaunchOptions['memory']['kind'], root: OwnDisk | undefined): number {
  return shape.memoryMiB * (kind === 'clone' ? 2 : 1) + QEMU_MEMORY_MIB + (root === undefined ? 0 : DISK_ROOM_MIB);
}

const channels = (count: number): 'pipe'[] => Array.from({ length: count }, () => 'pipe' as const);

/** Why a process was not started: no such program, no descriptors left. */
async function reasonOf(child: ChildProcess): Promise<string> {
  const [error] = (await once(child, 'error')) as [Error];
  return error.message;
}

function follow(child: ChildProcess, monitored: boolean, cgroup: GuestCgroup): RunningMachine {
  const [, , , control, log, output, service, console, qmp] = child.stdio as unknown as (Duplex | null)[];
  const tails = [keepTail(child.stderr), keepTail(console)];
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  // The console closes when the last process that holds it is gone: QEMU itself, not only the jail's outer process.
  const closed = new Promise<void>((resolve) => {
    if (console === null || console === undefined) return resolve();
    console.once('close', () => resolve());
  });
  const ended = Promise.all([exited, closed]).then(() => undefined);
  if (!control || !log || !output || !service || (monitored && !qmp)) throw new Error('a channel of QEMU is missing');
  for (const stream of [control, log, output, service]) stream.on('error', () => {});
  let kills = 0;
  return {
    streams: { control, log, output, service, process: child.pid ?? 0 },
    qmp: monitored && qmp ? openQmp(qmp) : undefined,
    ended,
    complaints: () =>
      tails
        .map((tail) => tail())
        .join('\n')
        .trim(),
    killedForMemory: () => kills > 0,
    async destroy() {
      // Killed while it still makes the jail, bwrap has not yet tied its own processes to its end.
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
        killAll(await familyOf(child.pid));
      child.kill('SIGKILL');
      await exited;
      await cgroup.kill();
      await ended;
      kills = Math.max(kills, await cgroup.outOfMemoryKills()); // 0 again once the group is gone
      await cgroup.remove();
    },
  };
}

function keepTail(stream: Readable | null | undefined): () => string {
  let tail = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-KEPT_BYTES);
  });
  stream?.on('error', () => {});
  return () => tail.toString('latin1');
}
