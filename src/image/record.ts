import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { StateFolder } from '../model/state.ts';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const target = z.object({ suite: z.string(), architecture: z.enum(['amd64', 'arm64', 'i386']) });

const baseSchema = z.object({
  format: z.literal(1),
  digest,
  /** Of the recipe text: a base with another one is not current. */
  recipe: digest,
  target,
  kernelVersion: z.string(),
  madeAt: z.iso.datetime(),
  sha256: z.record(z.string(), digest),
});

const imageSchema = z.object({
  format: z.literal(1),
  digest,
  kind: z.enum(['build', 'runtime']),
  target,
  /** Digest of the base it comes from, and of the agent's files in it. */
  base: digest,
  agent: digest,
  kernelVersion: z.string(),
  madeAt: z.iso.datetime(),
  packages: z.array(z.object({ package: z.string(), version: z.string(), architecture: z.string() })),
  sha256: z.record(z.string(), digest),
});

/** A base as it lies in `folder`: the roots of both kinds, kernel, modules, busybox. */
export type BaseRecord = z.infer<typeof baseSchema> & { readonly folder: string };
/** An image as it lies in `folder`: ext4 disk, initrd, kernel, dpkg's status. */
export type ImageRecord = z.infer<typeof imageSchema> & { readonly folder: string };

export const readBase = async (folder: string): Promise<BaseRecord> => ({
  ...baseSchema.parse(await readJson(join(folder, 'base.json'))),
  folder,
});

export const readImage = async (folder: string): Promise<ImageRecord> => ({
  ...imageSchema.parse(await readJson(join(folder, 'image.json'))),
  folder,
});

/** All bases, newest first; folders without a readable record (an older format) are passed over. */
export function listBases(state: StateFolder): Promise<readonly BaseRecord[]> {
  return listRecords(join(state.images, 'bases'), readBase);
}

/** All images, newest first. */
export function listRecordedImages(state: StateFolder): Promise<readonly ImageRecord[]> {
  return listRecords(state.images, readImage);
}

async function listRecords<T extends { madeAt: string }>(
  folder: string,
  read: (folder: string) => Promise<T>,
): Promise<readonly T[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => digest.safeParse(name).success);
  const records = await Promise.all(names.map((name) => read(join(folder, name)).catch(() => undefined)));
  return records
    .filter((record) => record !== undefined)
    .toSorted((a, b) => (a.madeAt < b.madeAt ? 1 : a.madeAt > b.madeAt ? -1 : 0));
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
