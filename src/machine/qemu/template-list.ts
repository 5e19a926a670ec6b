import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../../model/state.ts';
import { type Keeper, findKeeper } from '../keeper.ts';
import { readJson } from '../../host/files.ts';
import { TEMPLATE_PARTS, type TemplateNote, dropMemories, templateNote } from './template-record.ts';

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
  for (const memory of held.filter((it) => it.sealed)) {
    const note = templateNote.safeParse(memory.note);
    // Those that are being tried have another name.
    if (!note.success || memory.name !== `${note.data.key}.memory`) continue;
    const verifiedAt = new Date((memory.verifiedAt ?? 0) * 1000).toISOString();
    notes.set(note.data.key, { ...note.data, usedBytes: memory.usedBytes, inMemory: true, verifiedAt });
  }
  return [...notes.values()];
}

export interface ListedTemplate extends TemplateNote {
  /** Memory that it takes now, bytes. */
  readonly usedBytes: number;
  readonly inMemory: boolean;
  /** When the keeper last hashed it, where it is in memory. */
  readonly verifiedAt?: string;
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
      const digests = await Promise.all(TEMPLATE_PARTS.map((part) => keeper.digestMemory(`${template.key}.${part}`)));
      const intact = digests[0] === template.memory && digests[1] === template.state;
      if (!intact) await removeTemplate(template.key, state, keeper);
      results.push({ key: template.key, intact });
    }
  } finally {
    keeper.close();
  }
  return results;
}

/** Removes the templates that a new one replaces: of the same kind, target and shape, from an older image or QEMU. */
export async function removeReplaced(by: TemplateNote, state: StateFolder, keeper: Keeper): Promise<void> {
  // A mirror grows; what was made with a smaller disk serves no more.
  const shapeOf = ({ shape }: TemplateNote): string =>
    JSON.stringify({ ...shape, mirrorBytes: shape.mirrorBytes !== undefined });
  const same = (it: TemplateNote): boolean =>
    it.kind === by.kind && it.target === by.target && shapeOf(it) === shapeOf(by);
  for (const old of await listTemplates(state)) {
    if (old.key !== by.key && same(old)) await removeTemplate(old.key, state, keeper);
  }
}

/** Removes a template from the keeper and from the state folder. */
export async function removeTemplate(key: string, state: StateFolder, keeper: Keeper): Promise<void> {
  await rm(join(state.templates, key), { recursive: true, force: true });
  await dropMemories(key, keeper);
}
