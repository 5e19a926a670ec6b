import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestJob, GuestReport, MirrorDisk, ResetStrategy } from '../../model/machine.ts';
import { type Freshness, runProtocol, withMemoryLimit } from '../protocol.ts';
import type { Accelerator } from './accelerator.ts';
import type { MachineShape, RootDisk } from './arguments.ts';
import { filesOf } from './jail.ts';
import { type LaunchOptions, type RunningMachine, launch } from './launch.ts';
import { startClone } from './migration.ts';
import type { WarmGuest } from './pool.ts';
import type { QemuProgram } from './program.ts';
import { makeOwnDisk } from './root-disk.ts';
import type { Slot } from './slot.ts';
import type { OpenedMemory, OpenTemplate } from './template-record.ts';

/** What a guest is made of, whichever way it starts. */
export interface Host {
  readonly qemu: QemuProgram;
  readonly accelerator: Accelerator;
  readonly shape: MachineShape;
  readonly mirror: MirrorDisk | undefined;
  /** undefined where guests boot. */
  readonly template: OpenTemplate | undefined;
}

/** One job with its place on the host. */
export interface Guest {
  readonly job: GuestJob;
  readonly host: Host;
  readonly slot: Slot;
  /** The input disk. */
  readonly input: string;
  readonly freshness: Freshness;
  /** When QEMU and template were known and the job's own part began, and what it waited for room later, milliseconds since 1970. */
  readonly started: number;
  /** Told the process that the guest runs below. */
  readonly onStart: (pid: number) => void;
}

/** How a guest comes to life. */
export type Start =
  | { readonly kind: 'warm'; readonly guest: WarmGuest }
  | { readonly kind: 'clone'; readonly opened: OpenedMemory }
  | { readonly kind: 'boot'; readonly root: RootDisk };

/** Hello to ready. A clone needs a fifth of a second, a boot 4 s; on a host with other work ten times that is not broken. */
const READY_MS = { clone: 20_000, boot: 90_000 };

/** Starts one machine, leads it through the job and destroys it. */
export async function runGuest(guest: Guest, start: Start, signal: AbortSignal): Promise<Omit<GuestReport, 'tries'>> {
  const { job, host } = guest;
  for (const name of ['log', 'output']) await rm(join(job.spool, name), { force: true });
  const machine = await startMachine(guest, start, signal);
  const launched = Date.now();
  guest.onStart(machine.streams.process);
  const options = {
    readyMs: start.kind === 'boot' ? READY_MS.boot : READY_MS.clone,
    freshness: guest.freshness,
    destroy: () => machine.destroy(),
  };
  try {
    const heard = await runProtocol(machine.streams, job, options, signal);
    const { timingsMs, code, ...end } = withMemoryLimit(heard, machine.killedForMemory());
    const complaint = code === 'boot-failed' ? firstLine(machine.complaints()) : '';
    return {
      ...end,
      sentence: complaint === '' ? end.sentence : `${end.sentence} It said: ${complaint}`,
      driver: 'qemu',
      reset: strategyOf(start),
      isolation: host.accelerator.accelerator === 'kvm' ? 'hardware' : 'emulated',
      machineVersion: host.qemu.version,
      timingsMs: {
        reset: launched - guest.started + timingsMs.ready,
        run: timingsMs.run,
        collect: timingsMs.collect,
        teardown: timingsMs.teardown,
      },
    };
  } finally {
    await machine.destroy();
  }
}

function strategyOf(start: Start): ResetStrategy {
  if (start.kind !== 'boot') return 'memory';
  return start.root === 'shared' ? 'overlay' : start.root;
}

async function startMachine(guest: Guest, start: Start, signal: AbortSignal): Promise<RunningMachine> {
  if (start.kind === 'warm') {
    start.guest.resume();
    return start.guest.machine;
  }
  if (start.kind === 'clone') return startCloned(guest, start.opened);
  const { root } = start;
  const own = root === 'shared' ? undefined : await makeOwnDisk(root, guest.job.image.disk, guest.slot, signal);
  return launch({ ...partsOf(guest), ...(own === undefined ? {} : { root: own }), memory: { kind: 'own' } });
}

async function startCloned(guest: Guest, opened: OpenedMemory): Promise<RunningMachine> {
  try {
    const { memory, state } = opened;
    const machine = await launch({ ...partsOf(guest), memory: { kind: 'clone', memory, state } });
    // A clone that cannot restore its devices never gets ready; its end says so.
    if (machine.qmp !== undefined) startClone(machine.qmp).catch(() => machine.destroy());
    return machine;
  } finally {
    // The child has its own copies.
    opened.close();
  }
}

function partsOf({ job: { image }, host, slot, input }: Guest): Omit<LaunchOptions, 'memory'> {
  return {
    shape: host.shape,
    files: filesOf(image, input, host.mirror),
    uid: slot.uid,
    kvmGroup: host.accelerator.kvmGroup,
    qemu: host.qemu.path,
  };
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 200)
    .trim();
}
