import { z } from 'zod';
import type { GuestLimits, Image, MirrorDisk } from '../../model/machine.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import type { Keeper } from '../keeper.ts';
import type { Accelerator } from './accelerator.ts';
import type { MachineShape } from './arguments.ts';
import type { QemuProgram } from './program.ts';

/** What a template is made from. */
export interface TemplateRequest {
  readonly image: Image;
  readonly shape: MachineShape;
  readonly accelerator: Accelerator;
  readonly qemu: QemuProgram;
  /** Seen by the machine, and not looked at before a job: only its size counts for the template. */
  readonly mirror?: MirrorDisk | undefined;
}

/** A sealed template that clones can map. */
export interface OpenTemplate {
  readonly key: string;
  readonly madeAt: string;
  /** What it may still grow by, MiB: the first clone that writes to a page that the template never touched fills it there. */
  readonly growthMiB: number;
  /** Descriptors of this process for one clone; the caller closes them once the clone's QEMU has its own. */
  open(): OpenedMemory;
}

export interface OpenedMemory {
  readonly memory: number;
  readonly state: number;
  close(): void;
}

/** What is told with a sealed memory and kept beside its file. */
export const templateNote = z.object({
  key: z.string(),
  madeAt: z.iso.datetime(),
  image: z.string(),
  /** `bookworm/amd64` */
  target: z.string(),
  kind: z.enum(['build', 'runtime']),
  shape: z.object({
    architecture: z.enum(['amd64', 'arm64']).default('amd64'),
    accelerator: z.enum(['kvm', 'tcg']),
    memoryMiB: z.int(),
    cpus: z.int(),
    mirrorBytes: z.int().optional(),
  }),
  /** Version of QEMU, and what the guest sees of this host's processor; neither may change under a template. */
  qemu: z.string(),
  cpu: z.string(),
  /** Digests as the keeper computes them. */
  memory: z.string(),
  state: z.string(),
});
export type TemplateNote = z.infer<typeof templateNote>;

export interface TemplatePorts {
  readonly state: StateFolder;
  readonly keeper: Keeper;
  readonly progress: Progress;
}

/** For guests whose job does not say otherwise. */
export const DEFAULT_GUEST = { build: { memoryMiB: 2048, cpus: 1 }, runtime: { memoryMiB: 1024, cpus: 1 } } as const;

export function shapeOf(
  { architecture, accelerator, tscKhz }: Accelerator,
  { memoryMiB, cpus }: Pick<GuestLimits, 'memoryMiB' | 'cpus'>,
  mirror?: MirrorDisk,
): MachineShape {
  return {
    architecture,
    accelerator,
    memoryMiB,
    cpus,
    ...(tscKhz === undefined ? {} : { tscKhz }),
    ...(mirror === undefined ? {} : { mirrorBytes: mirror.bytes }),
  };
}

/** A machine without what only this host gives to it: such are compared, and kept with a template. */
export function withoutHost(shape: MachineShape): Omit<MachineShape, 'tscKhz'> {
  const { tscKhz: _, ...rest } = shape;
  return rest;
}

/** The two memories that make a template, by their suffixes in the keeper and as files. */
export const TEMPLATE_PARTS = ['memory', 'state'] as const;

/** What the memories of a template are called before it has been tried; it then takes the place of the one before it. */
export const besideName = (key: string): string => `new-${key}`;

/** Drops what the keeper holds under the name of a template. */
export async function dropMemories(name: string, keeper: Keeper): Promise<void> {
  for (const part of TEMPLATE_PARTS) await keeper.dropMemory(`${name}.${part}`);
}
