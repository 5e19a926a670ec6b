import { chmod, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { copySparse } from '../host/files.ts';
import { requireMemory, requireSpace } from '../host/memory.ts';
import { removeRoot, unpackRoot } from './derive.ts';
import { isThere, memoryPlace } from './place.ts';
import type { ImageRecord } from './record.ts';

/** In which form an image is needed: the disk by virtual machines, the folder by the namespace driver. */
export type ImageForm = 'disk' | 'folder';

/**
 * Puts the missing forms of an image into memory, each under its name only when it is complete. The caller holds the images' lock.
 * RennetError `no-space`, `no-memory`, `image-failed`, `cancelled`.
 */
export async function loadImage(
  record: ImageRecord,
  forms: readonly ImageForm[],
  state: StateFolder,
  signal: AbortSignal,
): Promise<void> {
  const place = memoryPlace(state, record.digest);
  const disk = join(record.folder, 'root.ext4');
  const missing = await missingForms(record, forms, state);
  const needMiB = Math.ceil((missing.length * (await stat(disk)).blocks * 512) / 2 ** 20);
  if (needMiB === 0) return;
  await mkdir(place.folder, { recursive: true });
  await requireSpace(state.memory, needMiB, `The ${record.kind} image`);
  await requireMemory(needMiB, `The ${record.kind} image`);
  const parts = { disk: () => loadDisk(disk, place.disk, signal), folder: () => loadFolder(record, state, signal) };
  await Promise.all(missing.map((form) => parts[form]()));
}

/** The forms that are not in memory (a reboot empties it). */
export async function missingForms(
  record: ImageRecord,
  forms: readonly ImageForm[],
  state: StateFolder,
): Promise<readonly ImageForm[]> {
  const place = memoryPlace(state, record.digest);
  const paths = { disk: place.disk, folder: place.root };
  const there = await Promise.all(forms.map((form) => isThere(paths[form])));
  return forms.filter((_, index) => there[index] === false);
}

async function loadDisk(from: string, to: string, signal: AbortSignal): Promise<void> {
  const partial = `${to}.partial`;
  await copySparse(from, partial, signal);
  await chmod(partial, 0o444);
  await rename(partial, to);
}

async function loadFolder(record: ImageRecord, state: StateFolder, signal: AbortSignal): Promise<void> {
  const { root } = memoryPlace(state, record.digest);
  const archive = join(state.images, 'bases', record.base, `${record.kind}.tar`);
  const partial = `${root}.partial`;
  await removeRoot(partial);
  await mkdir(partial);
  await unpackRoot(archive, partial, record.kind, signal);
  await rename(partial, root);
}
