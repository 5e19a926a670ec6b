import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { Keeper } from '../keeper.ts';
import { lockFile } from '../../host/lock.ts';
import { qemuArguments } from './arguments.ts';
import { removeReplaced } from './template-list.ts';
import { bootTemplate } from './template-boot.ts';
import { loadTemplate, saveTemplate } from './template-files.ts';
import { tryTemplate } from './template-trial.ts';
import {
  type OpenTemplate,
  type TemplateNote,
  type TemplatePorts,
  type TemplateRequest,
  TEMPLATE_PARTS,
  dropMemories,
  templateNote,
} from './template-record.ts';

export { listTemplates, verifyTemplates } from './template-list.ts';
export { DEFAULT_GUEST, type OpenTemplate, shapeOf, type TemplateRequest } from './template-record.ts';

/** An older template is made anew: what it holds of the past (randomness, clock) should not grow old. */
const LIFE_MS = 24 * 3600 * 1000;
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
    ports.progress({ doing: `trying the template of the ${request.image.kind} image` });
    await tryTemplate(template, request, ports.state, signal);
    ports.progress({ doing: `saving the template of the ${request.image.kind} image` });
    await saveTemplate(note, ports);
    await removeReplaced(note, ports.state, ports.keeper);
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

async function findTemplate(key: string, keeper: Keeper): Promise<OpenTemplate | undefined> {
  const [memory, state] = await Promise.all(TEMPLATE_PARTS.map((part) => keeper.findMemory(`${key}.${part}`)));
  if (memory === undefined || state === undefined || !memory.sealed || !state.sealed) return undefined;
  const note = templateNote.safeParse(memory.note);
  if (!note.success || !isCurrent(note.data)) return undefined;
  return {
    key,
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

async function mustFind(key: string, keeper: Keeper): Promise<OpenTemplate> {
  const template = await findTemplate(key, keeper);
  if (template === undefined) throw new RennetError('template-failed', 'The template was lost while it was made.');
  return template;
}

const isCurrent = (note: TemplateNote): boolean => Date.now() - Date.parse(note.madeAt) < LIFE_MS;

function processor(cpuinfo: string): string {
  return ['model name', 'stepping', 'microcode', 'flags']
    .map((name) => new RegExp(`^${name}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1] ?? '')
    .join('|');
}
