import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import type { Keeper } from '../keeper.ts';
import { lockFile, tryLockFile } from '../../host/lock.ts';
import { type MachineShape, qemuArguments } from './arguments.ts';
import { requireTemplateMemory } from './room.ts';
import { listTemplates, removeReplaced } from './template-list.ts';
import { bootTemplate } from './template-boot.ts';
import { loadTemplate, saveTemplate } from './template-files.ts';
import { tryTemplate } from './template-trial.ts';
import {
  type OpenTemplate,
  type TemplateNote,
  type TemplatePorts,
  type TemplateRequest,
  TEMPLATE_PARTS,
  besideName,
  dropMemories,
  templateNote,
  withoutHost,
} from './template-record.ts';

export { listTemplates, verifyTemplates } from './template-list.ts';
export { DEFAULT_GUEST, type OpenTemplate, shapeOf, type TemplateRequest } from './template-record.ts';

/** An older template is made anew: what it holds of the past (randomness, clock) should not grow old. */
const LIFE_MS = 24 * 3600 * 1000;

/**
 * The template for these machines: from the keeper, from the state folder, or made (some 15 s). A new one is made and tried beside the one
 * before it and takes its place in one step. Two at once make it once; while one renews an old template, the others go on with that.
 * RennetError `template-failed`, `boot-failed`, `no-memory`, `cancelled`.
 */
export async function ensureTemplate(
  request: TemplateRequest,
  ports: TemplatePorts,
  signal: AbortSignal,
): Promise<OpenTemplate> {
  const { keeper, progress } = ports;
  const key = await templateKey(request);
  const before = await findTemplate(key, keeper);
  if (before !== undefined && isCurrent(before)) return before;
  const place = join(ports.state.run, `template-${key.slice(0, 16)}.lock`);
  if (before === undefined) progress({ doing: `waiting for the template of the ${request.image.kind} image` });
  const lock = before === undefined ? await lockFile(place, signal) : await tryLockFile(place);
  if (lock === undefined) return await mustFind(key, keeper);
  try {
    const meanwhile = await findTemplate(key, keeper);
    if (meanwhile !== undefined && isCurrent(meanwhile)) return meanwhile;
    await makeBeside(key, request, ports, signal);
    return await mustFind(key, keeper);
  } catch (error) {
    if (before === undefined || signal.aborted) throw error;
    progress({
      doing: `the template of ${before.madeAt} stays in use: ${error instanceof Error ? error.message : ''}`,
    });
    return before;
  } finally {
    await lock.release();
  }
}

/** The caller holds the lock of the key. Whatever goes wrong, the template before it is as it was. */
async function makeBeside(
  key: string,
  request: TemplateRequest,
  ports: TemplatePorts,
  signal: AbortSignal,
): Promise<void> {
  const { keeper, progress, state } = ports;
  const beside = besideName(key);
  await dropMemories(beside, keeper); // of one that was killed
  await requireTemplateMemory(request.shape.memoryMiB, state);
  const toFront = (): Promise<void> =>
    keeper.switchMemories(TEMPLATE_PARTS.map((part) => [`${beside}.${part}`, `${key}.${part}`]));
  try {
    if ((await loadTemplate(key, beside, ports, isCurrent)) !== undefined) return await toFront();
    const foreign = await foreignTemplate(key, request, state);
    if (foreign !== undefined)
      progress({ doing: `the kept template of the ${request.image.kind} image ${foreign}; a new one is made` });
    const note = await bootTemplate(
      { key, name: beside, cpu: await processorOf(request.shape) },
      request,
      ports,
      signal,
    );
    progress({ doing: `trying the template of the ${request.image.kind} image` });
    await tryTemplate(await mustFind(beside, keeper), request, state, signal);
    await toFront();
    await keepForLater(note, ports);
  } catch (error) {
    await dropMemories(beside, keeper).catch(() => {});
    throw error;
  }
}

/** It serves already; what goes wrong here costs time later, and is told. */
async function keepForLater(note: TemplateNote, ports: TemplatePorts): Promise<void> {
  const { progress, state, keeper } = ports;
  progress({ doing: `saving the template of the ${note.kind} image` });
  try {
    await saveTemplate(note, ports);
    await removeReplaced(note, state, keeper);
  } catch (error) {
    progress({ doing: `the template is not saved: ${error instanceof Error ? error.message : ''}` });
  }
}

/** Names everything that a template came from. */
export async function templateKey(request: TemplateRequest): Promise<string> {
  const { shape, image, qemu } = request;
  const how = qemuArguments(shape, { kind: 'template' });
  return createHash('sha256')
    .update(JSON.stringify([3, image.digest, qemu.version, how, await processorOf(shape), shape.mirrorBytes ?? 0]))
    .digest('hex');
}

/** Why a template that is kept cannot serve, where it would but for the host; undefined where there is none such. */
async function foreignTemplate(key: string, { image, shape, qemu }: TemplateRequest, state: StateFolder) {
  const cpu = await processorOf(shape);
  const kept = (await listTemplates(state)).find(
    (it) =>
      it.key !== key && it.image === image.digest && JSON.stringify(it.shape) === JSON.stringify(withoutHost(shape)),
  );
  if (kept === undefined) return undefined;
  if (kept.cpu !== cpu) return 'was made on a host with another processor';
  return kept.qemu === qemu.version ? undefined : `was made with QEMU ${kept.qemu}`;
}

async function findTemplate(name: string, keeper: Keeper): Promise<OpenTemplate | undefined> {
  const [memory, state] = await Promise.all(TEMPLATE_PARTS.map((part) => keeper.findMemory(`${name}.${part}`)));
  if (memory === undefined || state === undefined || !memory.sealed || !state.sealed) return undefined;
  const note = templateNote.safeParse(memory.note);
  if (!note.success) return undefined;
  return {
    key: note.data.key,
    madeAt: note.data.madeAt,
    growthMiB: Math.ceil((memory.bytes - memory.usedBytes) / 2 ** 20),
    open() {
      const opened = keeper.open(memory, 'r');
      try {
        const device = keeper.open(state, 'r');
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

async function mustFind(name: string, keeper: Keeper): Promise<OpenTemplate> {
  const template = await findTemplate(name, keeper);
  if (template === undefined) throw new RennetError('template-failed', 'The template was lost while it was made.');
  return template;
}

const isCurrent = ({ madeAt }: Pick<TemplateNote, 'madeAt'>): boolean => Date.now() - Date.parse(madeAt) < LIFE_MS;

/** Names of /proc/cpuinfo, on amd64 and on arm64. */
const SEEN_OF_PROCESSOR = [
  'model name',
  'stepping',
  'microcode',
  'flags',
  'CPU implementer',
  'CPU architecture',
  'CPU variant',
  'CPU part',
  'CPU revision',
  'Features',
];

/** What a guest sees of this host's processor: with KVM all of it, as far as the host's kernel shows it; under emulation the rate of its counter. */
async function processorOf({ accelerator, tscKhz }: MachineShape): Promise<string> {
  if (accelerator === 'tcg') return tscKhz === undefined ? '' : `counter of ${tscKhz} kHz`;
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8');
  return [
    release(),
    ...SEEN_OF_PROCESSOR.map((name) => new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1] ?? ''),
  ].join('|');
}
