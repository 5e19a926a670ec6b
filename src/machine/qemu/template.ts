import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RennetError } from '../../model/errors.ts';
import type { GuestLimits, Image } from '../../model/machine.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import { type KeptMemory, type Keeper, findKeeper, openKeeper } from '../keeper.ts';
import { lockFile } from '../lock.ts';
import type { Accelerator } from './accelerator.ts';
import { type MachineShape, qemuArguments } from './arguments.ts';
import { bootTemplate, tryClone } from './template-boot.ts';
import { loadTemplate, saveTemplate } from './template-files.ts';
import { type QemuProgram, readJson } from './program.ts';

/** What a template is made from. */
export interface TemplateRequest {
  readonly image: Image;
  readonly shape: MachineShape;
  readonly accelerator: Accelerator;
  readonly qemu: QemuProgram;
}

/** A sealed template that clones can map. */
export interface OpenTemplate {
  readonly key: string;
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
  kind: z.enum(['build', 'runtime']),
  shape: z.object({ accelerator: z.enum(['kvm', 'tcg']), memoryMiB: z.int(), cpus: z.int() }),
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

/** An older template is made anew: what it holds of the past (randomness, clock) should not grow old. */
const LIFE_MS = 24 * 3600 * 1000;
/** For guests whose job does not say otherwise. */
export const DEFAULT_GUEST = { build: { memoryMiB: 2048, cpus: 1 }, runtime: { memoryMiB: 1024, cpus: 1 } } as const;

export function shapeOf(accelerator: Accelerator, limits: Pick<GuestLimits, 'memoryMiB' | 'cpus'>): MachineShape {
  return { accelerator: accelerator.accelerator, memoryMiB: limits.memoryMiB, cpus: limits.cpus };
}

/**
 * The template for these machines: from the keeper, from the state folder, or made (some 15 s). Two at once make it once.
 * RennetError `template-failed`, `boot-failed`, `no-memory`, `cancelled`.
 */
export async function ensureTemplate(
  request: TemplateRequest,
  ports: TemplatePorts,
  signal: AbortSignal,
): Promise<OpenTemplate> {
  const key = await templateKey(request);
  const ready = await findTemplate(key, ports.keeper);
  if (ready !== undefined) return ready;
  ports.progress({ doing: `waiting for the template of the ${request.image.kind} image` });
  const lock = await lockFile(join(ports.state.run, `template-${key.slice(0, 16)}.lock`), signal);
  try {
    const meanwhile = await findTemplate(key, ports.keeper);
    if (meanwhile !== undefined) return meanwhile;
    await dropMemories(key, ports.keeper);
    if (await loadTemplate(key, ports, isCurrent)) return await mustFind(key, ports.keeper);
    const note = await bootTemplate(key, request, ports, signal);
    const template = await mustFind(key, ports.keeper);
    await verifyClones(template, request, ports, signal);
    ports.progress({ doing: `saving the template of the ${request.image.kind} image` });
    await saveTemplate(note, ports);
    return template;
  } catch (error) {
    await dropMemories(key, ports.keeper).catch(() => {});
    throw error;
  } finally {
    await lock.release();
  }
}

/** Names everything that a template came from. */
export async function templateKey(request: TemplateRequest): Promise<string> {
  const { shape, image, qemu } = request;
  const how = qemuArguments(shape, { kind: 'template' });
  // With KVM the guest sees this host's processor.
  const cpu = shape.accelerator === 'kvm' ? processor(await readFile('/proc/cpuinfo', 'utf8')) : '';
  return createHash('sha256')
    .update(JSON.stringify([1, image.digest, qemu.version, how, cpu]))
    .digest('hex');
}

/** Templates in the keeper and in the state folder. */
export async function listTemplates(state: StateFolder): Promise<readonly ListedTemplate[]> {
  const keeper = await findKeeper(state);
  const held = (await keeper?.listMemories()) ?? [];
  keeper?.close();
  const notes = new Map<string, ListedTemplate>();
  for (const name of await readdir(state.templates).catch(() => [])) {
    const note = templateNote.safeParse(await readJson(join(state.templates, name, 'template.json')));
    if (note.success) notes.set(note.data.key, { ...note.data, usedBytes: 0, inMemory: false });
  }
  for (const memory of held.filter((it) => it.sealed && it.name.endsWith('.memory'))) {
    const note = templateNote.safeParse(memory.note);
    if (note.success) notes.set(note.data.key, { ...note.data, usedBytes: memory.usedBytes, inMemory: true });
  }
  return [...notes.values()];
}

export interface ListedTemplate extends TemplateNote {
  /** Memory that it takes now, bytes. */
  readonly usedBytes: number;
  readonly inMemory: boolean;
}

/** Hashes every template in the keeper again; a damaged one is dropped, so that the next guest boots or a new one is made. */
export async function verifyTemplates(
  state: StateFolder,
  signal: AbortSignal,
): Promise<readonly { key: string; intact: boolean }[]> {
  const keeper = await findKeeper(state);
  if (keeper === undefined) return [];
  const results: { key: string; intact: boolean }[] = [];
  try {
    for (const template of (await listTemplates(state)).filter((it) => it.inMemory)) {
      signal.throwIfAborted();
      const digests = await Promise.all(
        ['memory', 'state'].map((part) => keeper.digestMemory(`${template.key}.${part}`)),
      );
      const intact = digests[0] === template.memory && digests[1] === template.state;
      if (!intact) await removeTemplate(template.key, state, keeper);
      results.push({ key: template.key, intact });
    }
  } finally {
    keeper.close();
  }
  return results;
}

/** Where the driver gets its templates: one lease on the keeper, opened when first needed. */
export interface TemplateStore {
  /** The template, made where missing; undefined when that fails: the guest then boots. Rejects only with `cancelled`. */
  obtain(request: TemplateRequest, signal: AbortSignal): Promise<OpenTemplate | undefined>;
  /** A clone of it did not come up: drops it for everyone, and makes no other in this process. */
  distrust(template: OpenTemplate): Promise<void>;
}

export function createTemplateStore(state: StateFolder, progress: Progress): TemplateStore {
  const bad = new Set<string>();
  let lease: Promise<Keeper> | undefined;
  const keeper = async (signal: AbortSignal): Promise<Keeper> => {
    lease ??= openKeeper(state, signal);
    return lease;
  };
  return {
    async obtain(request, signal) {
      const key = await templateKey(request);
      if (bad.has(key)) return undefined;
      // The second try meets a keeper that was killed since our lease began.
      for (let attempt = 0; attempt < 2; attempt++) {
        try {
          return await ensureTemplate(request, { state, keeper: await keeper(signal), progress }, signal);
        } catch (error) {
          if (signal.aborted)
            throw new RennetError('cancelled', 'Making the template was stopped.', '', { cause: error });
          lease = undefined;
          progress({ doing: `no template: ${error instanceof Error ? error.message : String(error)}` });
        }
      }
      bad.add(key);
      return undefined;
    },
    async distrust(template) {
      bad.add(template.key);
      const running = await findKeeper(state);
      if (running === undefined) return;
      await removeTemplate(template.key, state, running).catch(() => {});
      running.close();
    },
  };
}

async function findTemplate(key: string, keeper: Keeper): Promise<OpenTemplate | undefined> {
  const [memory, state] = await Promise.all(['memory', 'state'].map((part) => keeper.findMemory(`${key}.${part}`)));
  if (memory === undefined || state === undefined || !memory.sealed || !state.sealed) return undefined;
  const note = templateNote.safeParse(memory.note);
  if (!note.success || !isCurrent(note.data)) return undefined;
  return {
    key,
    open() {
      const opened = openKept(keeper, memory);
      try {
        const device = openKept(keeper, state);
        return {
          memory: opened,
          state: device,
          close: () => [opened, device].forEach((fd) => closeSync(fd)),
        };
      } catch (error) {
        closeSync(opened);
        throw error;
      }
    },
  };
}

async function mustFind(key: string, keeper: Keeper): Promise<OpenTemplate> {
  const template = await findTemplate(key, keeper);
  if (template === undefined) throw new RennetError('template-failed', 'The template was lost while it was made.');
  return template;
}

/** Opens a memory of the keeper anew: a description of its own, at offset 0. */
export function openKept(keeper: Keeper, kept: KeptMemory, flags = 'r'): number {
  try {
    const fd = openSync(keeper.pathOf(kept), flags);
    // A keeper that is gone leaves its process id to others.
    if (fstatSync(fd).size === kept.bytes) return fd;
    closeSync(fd);
  } catch (error) {
    throw new RennetError('template-failed', 'The memory of a template cannot be opened.', '', { cause: error });
  }
  throw new RennetError('template-failed', 'The keeper of templates is gone.');
}

async function verifyClones(
  template: OpenTemplate,
  request: TemplateRequest,
  ports: TemplatePorts,
  signal: AbortSignal,
) {
  ports.progress({ doing: `trying the template of the ${request.image.kind} image` });
  const first = await tryClone(template, request, ports.state, signal);
  const second = await tryClone(template, request, ports.state, signal);
  if (first === second)
    throw new RennetError('template-failed', 'Two clones of the template gave the same random bytes.');
}

async function removeTemplate(key: string, state: StateFolder, keeper: Keeper): Promise<void> {
  await rm(join(state.templates, key), { recursive: true, force: true });
  await dropMemories(key, keeper);
}

async function dropMemories(key: string, keeper: Keeper): Promise<void> {
  for (const part of ['memory', 'state']) await keeper.dropMemory(`${key}.${part}`);
}

const isCurrent = (note: TemplateNote): boolean => Date.now() - Date.parse(note.madeAt) < LIFE_MS;

function processor(cpuinfo: string): string {
  return ['model name', 'stepping', 'microcode', 'flags']
    .map((name) => new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1] ?? '')
    .join('|');
}
