import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freeSpaceMiB } from '../../host/memory.ts';
import { readJson, writeJson } from '../../host/files.ts';
import { temporaryName } from '../../host/process-owner.ts';
import {
  TEMPLATE_PARTS,
  type TemplateNote,
  dropMemories,
  type TemplatePorts,
  templateNote,
} from './template-record.ts';

/** Saving is a convenience after a reboot; it must not fill the disk. */
const SPARE_DISK_MIB = 4096;

/** Keeps a template in the state folder, so that it survives its keeper. Loading it takes a tenth of a boot. The caller holds its lock. */
export async function saveTemplate(note: TemplateNote, { state, keeper }: TemplatePorts): Promise<void> {
  await mkdir(state.templates, { recursive: true, mode: 0o700 });
  if ((await freeSpaceMiB(state.templates)) < SPARE_DISK_MIB) return;
  const partial = join(state.templates, `${note.key}.${temporaryName()}`);
  try {
    await mkdir(partial, { mode: 0o700 });
    for (const part of TEMPLATE_PARTS) await keeper.saveMemory(`${note.key}.${part}`, join(partial, part));
    await writeJson(join(partial, 'template.json'), note);
    await rm(join(state.templates, note.key), { recursive: true, force: true });
    await rename(partial, join(state.templates, note.key));
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/**
 * Loads a kept template into the keeper under another name; undefined when there is none, it is old, or its bytes are not those that were
 * saved.
 */
export async function loadTemplate(
  key: string,
  name: string,
  { state, keeper, progress }: TemplatePorts,
  isCurrent: (note: TemplateNote) => boolean,
): Promise<TemplateNote | undefined> {
  const folder = join(state.templates, key);
  const note = templateNote.safeParse(await readJson(join(folder, 'template.json')));
  if (!note.success || note.data.key !== key || !isCurrent(note.data)) return undefined;
  progress({ doing: `loading the template of the ${note.data.kind} image` });
  try {
    for (const part of TEMPLATE_PARTS) {
      const made = await keeper.createMemory(`${name}.${part}`, 0);
      const found = await keeper.loadMemory(`${name}.${part}`, join(folder, part));
      if (made === undefined || found !== note.data[part]) throw new Error('its bytes have changed');
    }
    for (const part of TEMPLATE_PARTS)
      await keeper.sealMemory(`${name}.${part}`, note.data, note.data[part], 'on trial');
    return note.data;
  } catch {
    await dropMemories(name, keeper);
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}
