import { readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readJson, replaceFile } from '../../host/files.ts';
import { availableMemoryMiB, freeSpaceMiB, requireMemory } from '../../host/memory.ts';
import { memoryOfTree } from '../../host/process-memory.ts';
import { processOwner } from '../../host/process-owner.ts';
import { RennetError } from '../../model/errors.ts';
import { DISK_ROOM_MIB, type ResetStrategy } from '../../model/machine.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import { type Claim, type HostFacts, INPUT_MIB, MACHINE_MIB, missingMiB } from '../capacity.ts';
import { memoryLeftByGroupsMiB } from '../cgroup-memory.ts';
import type { MachineShape } from './arguments.ts';
import { claimPath, isHeld, slotLocks } from './slot-lock.ts';
import type { Slot } from './slot.ts';
import type { OpenTemplate } from './template-record.ts';

/** What one guest may take at worst. */
export type Wanted = Omit<Claim, 'takenMiB'>;

export interface RoomPorts {
  readonly state: StateFolder;
  readonly progress: Progress;
  /** Starts the guest whatever others may take. */
  readonly overcommit: boolean;
  /** Frees what could be spared; asked once, before a guest waits. */
  readonly release?: () => Promise<void>;
}

/**
 * What a guest of this shape may take at worst. A clone adds what its template may grow by; a disk of its own lies in memory too. `diskMiB`: what
 * the image's disk takes. Pure.
 */
export function wantedOf(
  shape: Pick<MachineShape, 'memoryMiB'>,
  template: Pick<OpenTemplate, 'key' | 'growthMiB'> | undefined,
  reset: ResetStrategy,
  diskMiB: number,
): Wanted {
  const disk = ownDiskMiB(reset, diskMiB);
  return {
    memoryMiB: shape.memoryMiB + MACHINE_MIB + INPUT_MIB + disk,
    ...(template && { template: { key: template.key, growthMiB: template.growthMiB } }),
  };
}

/** What the disk of a guest's own may take. Pure. */
export function ownDiskMiB(reset: ResetStrategy, diskMiB: number): number {
  return (reset === 'copy' ? diskMiB : 0) + (reset === 'copy' || reset === 'delta' ? DISK_ROOM_MIB : 0);
}

/** QEMU's own memory before the guest's job even starts. */
const QEMU_START_MIB = 192;

/**
 * A guest that nobody shares the host with needs what it has at least; what its neighbours take is waited for (claimRoom). `slot`: its own,
 * once it has one. RennetError `no-memory`.
 */
export async function requireGuestMemory(memoryMiB: number, state: StateFolder, slot?: number): Promise<void> {
  if ((await livingClaims(state, 'unmeasured', slot)).length > 0) return;
  await requireMemory(memoryMiB + QEMU_START_MIB, 'A guest', await memoryForGuestsMiB());
}

/**
 * A template is made only where it fits, filled, with the two machines that are then started for it, beside what living guests may still take; guests boot
 * where it does not. RennetError `no-memory`.
 */
export async function requireTemplateMemory(memoryMiB: number, state: StateFolder): Promise<void> {
  const { availableMiB } = await readHostFacts(state);
  await requireMemory(memoryMiB + 2 * MACHINE_MIB, 'A template', availableMiB);
}

const claimFile = z.object({
  memoryMiB: z.number(),
  template: z.object({ key: z.string(), growthMiB: z.number() }).optional(),
  /** The process that the guest runs below and the name of its life (process-owner.ts), once it is started. */
  process: z.object({ pid: z.int(), owner: z.string() }).optional(),
});

/**
 * Claims memory for the guest of a slot, and waits while the living guests of this host, of every rennet that shares the slots, may still take what is
 * there. A guest without neighbours never waits: where it is short then, `requireMemory` says so. The claim goes with the slot. Gives the
 * milliseconds that it waited. RennetError `cancelled`.
 */
export async function claimRoom(slot: Slot, wanted: Wanted, ports: RoomPorts, signal: AbortSignal): Promise<number> {
  let waitingSince: number | undefined;
  for (let asked = 0; ; asked++) {
    const refused = await tryRoom(slot, wanted, ports);
    if (refused === undefined) return waitingSince === undefined ? 0 : Date.now() - waitingSince;
    waitingSince ??= Date.now();
    if (asked === 0) await ports.release?.();
    if (asked % 50 === 0)
      ports.progress({
        doing: `waiting for room: a guest may take ${wanted.memoryMiB} MiB, ${refused.missingMiB} more than the ${refused.others} that run leave`,
      });
    try {
      // Two that met here must not meet again.
      await sleep(100 + Math.random() * 200, undefined, { signal });
    } catch (error) {
      throw new RennetError('cancelled', 'Waiting for room for a guest was stopped.', '', { cause: error });
    }
  }
}

/**
 * Claims memory where there is room; else says what is missing, and claims nothing. Each tells what it wants before it looks at what others told:
 * of two that ask in the same moment one at least sees the other, so that both may be refused, but never both let in.
 */
export async function tryRoom(
  slot: Slot,
  wanted: Wanted,
  { state, overcommit }: Pick<RoomPorts, 'state' | 'overcommit'>,
): Promise<{ readonly missingMiB: number; readonly others: number } | undefined> {
  const path = claimPath(state, slot.number);
  await replaceFile(path, JSON.stringify(wanted), 0o600);
  if (overcommit) return undefined;
  // To measure what each has taken takes some milliseconds a guest; mostly all of it fits as if they had taken nothing.
  for (const how of ['unmeasured', 'measured'] as const) {
    const living = await livingClaims(state, how, slot.number);
    const missing = missingMiB(await memoryForGuestsMiB(), living, { ...wanted, takenMiB: 0 });
    if (missing <= 0 || living.length === 0) return undefined;
    if (how === 'unmeasured') continue;
    await rm(path, { force: true });
    return { missingMiB: Math.ceil(missing), others: living.length };
  }
  return undefined;
}

/** Tells others below which process the guest of a slot runs, so that what it has taken already is counted once. */
export async function noteGuest(slot: Slot, wanted: Wanted, pid: number, state: StateFolder): Promise<void> {
  const claim = { ...wanted, process: { pid, owner: processOwner(pid) } };
  await replaceFile(claimPath(state, slot.number), JSON.stringify(claim), 0o600);
}

/** What this host has for further guests: what living ones may still take is not theirs. */
export async function readHostFacts(state: StateFolder): Promise<HostFacts> {
  const [memoryMiB, tmpfsMiB, living] = await Promise.all([
    memoryForGuestsMiB(),
    freeSpaceMiB(state.memory),
    livingClaims(state, 'measured'),
  ]);
  const coming = living.reduce((sum, claim) => sum + Math.max(0, claim.memoryMiB - claim.takenMiB), 0);
  return { cpus: availableParallelism(), availableMiB: Math.max(0, Math.floor(memoryMiB - coming)), tmpfsMiB };
}

/** Memory that the host, and the control groups that bound us, could give now without swapping. */
export async function memoryForGuestsMiB(): Promise<number> {
  return Math.min(await availableMemoryMiB(), await memoryLeftByGroupsMiB());
}

/** What the guests that live now claim, and have taken where that is `measured`; `except`: the number of a slot that does not count. */
export async function livingClaims(
  state: StateFolder,
  how: 'measured' | 'unmeasured',
  except?: number,
): Promise<Claim[]> {
  const folder = slotLocks(state);
  const names = await readdir(folder).catch(() => []);
  const numbers = names.flatMap((name) => /^(\d+)\.claim$/.exec(name)?.[1] ?? []);
  const others = numbers.filter((number) => number !== String(except));
  return (await Promise.all(others.map((number) => readClaim(folder, number, how)))).filter(
    (claim) => claim !== undefined,
  );
}

/** undefined where its holder is gone, or has just withdrawn it. */
async function readClaim(folder: string, number: string, how: 'measured' | 'unmeasured'): Promise<Claim | undefined> {
  const claim = claimFile.safeParse(await readJson(join(folder, `${number}.claim`)));
  if (!claim.success || !(await isHeld(folder, number))) return undefined;
  const { process: below, memoryMiB, template } = claim.data;
  // What runs in another container, or is just ending, cannot be measured: it counts as still to take all of it.
  const isSeen = how === 'measured' && below !== undefined && below.owner === processOwner(below.pid);
  const takenMiB = isSeen ? (await memoryOfTree(below.pid)).privateMiB : 0;
  return { memoryMiB, takenMiB, ...(template && { template }) };
}
