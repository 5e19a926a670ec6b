import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { Image } from '../model/machine.ts';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import type { Target } from '../model/target.ts';
import { suiteSettings } from '../host/settings.ts';
import { sha256OfFile } from '../host/files.ts';
import { lockFile } from '../host/lock.ts';
import { ensureMemoryFolder } from '../host/memory.ts';
import { agentDigest } from './agent.ts';
import { type BaseSources, clearMaking, makeBase } from './base.ts';
import { deriveImage, removeRoot } from './derive.ts';
import { type ImageForm, loadImage, missingForms } from './load.ts';
import { imageOf, memoryPlace } from './place.ts';
import { IMAGE_KINDS, type ImageKind, recipeDigest } from './recipe.ts';
import { type BaseRecord, type ImageRecord, listBases, listRecordedImages } from './record.ts';

/** A base older than this is made anew, so that security updates of the suite arrive (docs/decisions/0006-machine.md). */
const BASE_LIFE_MS = 7 * 24 * 3600 * 1000;
/** Images of one target and kind that stay: the current one and the one before, which another rennet may still use. */
const KEPT = 2;

export interface ImagePorts {
  readonly state: StateFolder;
  /** The private apt root of the target; only its sources and configuration are used. */
  readonly apt: BaseSources;
  readonly progress: Progress;
}

export interface ImageOptions {
  /** What the drivers in use need; both when not given. */
  readonly forms?: readonly ImageForm[];
  /** Make a new base even where the present one is current (`rennet image build`). */
  readonly renew?: boolean;
}

/**
 * The current images of a target, made or loaded into memory where they are missing. Current: same recipe, same agent, base not
 * older than 7 days; then neither mirror nor lock is touched. With an old base and no mirror the old base stays in use, with a note.
 * RennetError `no-space`, `no-memory`, `bad-usage`, `image-failed`, `cancelled`.
 */
export async function ensureImages(
  target: Target,
  ports: ImagePorts,
  signal: AbortSignal,
  options: ImageOptions = {},
): Promise<{ build: Image; runtime: Image }> {
  const { state } = ports;
  const forms = options.forms ?? ['disk', 'folder'];
  const agent = await agentDigest();
  if (options.renew !== true) {
    const ready = await findReady(target, agent, forms, state);
    if (ready !== undefined) return ready;
  }
  ports.progress({ doing: 'waiting for the images' });
  const lock = await lockFile(join(state.run, 'images.lock'), signal);
  try {
    const ready = options.renew === true ? undefined : await findReady(target, agent, forms, state);
    if (ready !== undefined) return ready;
    await ensureMemoryFolder(state);
    await clearMaking(state);
    const base = await ensureBase(target, ports, options.renew === true, signal);
    const images = await Promise.all(
      IMAGE_KINDS.map(async (kind) => {
        const known = await findImage(kind, base, agent, state);
        const record = known ?? (await derive(kind, base, agent, ports, signal));
        // Deriving leaves the root in memory: as much again as the disk.
        if (known === undefined && !forms.includes('folder')) await removeRoot(memoryPlace(state, record.digest).root);
        ports.progress({ doing: `loading the ${kind} image into memory` });
        await loadImage(record, forms, state, signal);
        return imageOf(record, state);
      }),
    );
    await removeOld(target, state);
    return pair(images);
  } finally {
    await lock.release();
  }
}

/** The current images of a target where both are made and loaded; nothing is made or loaded. */
export async function readyImages(
  target: Target,
  state: StateFolder,
): Promise<{ build: Image; runtime: Image } | undefined> {
  return findReady(target, await agentDigest(), ['disk'], state);
}

/** All images in the state folder, newest first; nothing is loaded. */
export async function listImages(state: StateFolder): Promise<readonly ImageRecord[]> {
  return listRecordedImages(state);
}

/** Hashes every file of every image and base again, in the state folder and in memory. An empty list of problems is a good one. */
export async function verifyImages(state: StateFolder, signal: AbortSignal): Promise<readonly VerifiedImage[]> {
  const results: VerifiedImage[] = [];
  for (const record of [...(await listBases(state)), ...(await listRecordedImages(state))]) {
    const problems: string[] = [];
    for (const [name, expected] of Object.entries(record.sha256)) {
      signal.throwIfAborted();
      const found = await sha256OfFile(join(record.folder, name)).catch(() => 'unreadable');
      if (found !== expected) problems.push(`${name} has sha256 ${found} instead of ${expected}`);
    }
    if ('kind' in record) {
      const loaded = await sha256OfFile(memoryPlace(state, record.digest).disk).catch(() => undefined);
      if (loaded !== undefined && loaded !== record.sha256['root.ext4']) problems.push('the copy in memory differs');
    }
    results.push({ digest: record.digest, kind: 'kind' in record ? record.kind : 'base', problems });
  }
  return results;
}

export interface VerifiedImage {
  readonly digest: string;
  readonly kind: ImageKind | 'base';
  readonly problems: readonly string[];
}

async function findReady(target: Target, agent: string, forms: readonly ImageForm[], state: StateFolder) {
  const base = (await basesOf(target, state))[0];
  if (base === undefined || isOld(base)) return undefined;
  const images: Image[] = [];
  for (const kind of IMAGE_KINDS) {
    const record = await findImage(kind, base, agent, state);
    if (record === undefined || (await missingForms(record, forms, state)).length > 0) return undefined;
    images.push(imageOf(record, state));
  }
  return pair(images);
}

async function ensureBase(target: Target, ports: ImagePorts, renew: boolean, signal: AbortSignal): Promise<BaseRecord> {
  const newest = (await basesOf(target, ports.state))[0];
  if (newest !== undefined && !isOld(newest) && !renew) return newest;
  try {
    return await makeBase(target, ports, signal);
  } catch (error) {
    const canGoOn = newest !== undefined && !renew && error instanceof RennetError && error.code === 'image-failed';
    if (!canGoOn) throw error;
    ports.progress({ doing: `the images of ${newest.madeAt} stay in use: ${error.message}` });
    return newest;
  }
}

function derive(kind: ImageKind, base: BaseRecord, agent: string, ports: ImagePorts, signal: AbortSignal) {
  ports.progress({ doing: `writing the disk of the ${kind} image` });
  return deriveImage(kind, base, agent, ports.state, signal);
}

async function findImage(kind: ImageKind, base: BaseRecord, agent: string, state: StateFolder) {
  const all = await listRecordedImages(state);
  return all.find((record) => record.kind === kind && record.base === base.digest && record.agent === agent);
}

/** Usable bases of a target, newest first. */
async function basesOf(target: Target, state: StateFolder): Promise<readonly BaseRecord[]> {
  const recipe = recipeDigest(target, await suiteSettings(state, target.suite));
  return (await listBases(state)).filter((base) => base.recipe === recipe && sameTarget(base.target, target));
}

async function removeOld(target: Target, state: StateFolder): Promise<void> {
  const images = (await listRecordedImages(state)).filter((record) => sameTarget(record.target, target));
  for (const kind of IMAGE_KINDS) {
    for (const record of images.filter((it) => it.kind === kind).slice(KEPT)) await forget(record, state);
  }
  const inUse = new Set((await listRecordedImages(state)).map((record) => record.base));
  for (const base of (await listBases(state)).filter((it) => sameTarget(it.target, target)).slice(1)) {
    if (!inUse.has(base.digest)) await rm(base.folder, { recursive: true, force: true });
  }
  // Copies in memory of images that the state folder no longer has.
  const known = new Set((await listRecordedImages(state)).map((record) => record.digest));
  for (const name of await readdir(join(state.memory, 'images')).catch(() => [])) {
    if (!known.has(name)) await removeRoot(join(state.memory, 'images', name));
  }
}

async function forget(record: ImageRecord, state: StateFolder): Promise<void> {
  await removeRoot(memoryPlace(state, record.digest).folder);
  await rm(record.folder, { recursive: true, force: true });
}

function pair(images: readonly Image[]): { build: Image; runtime: Image } {
  const [build, runtime] = images;
  if (build === undefined || runtime === undefined) throw new RennetError('defect', 'An image kind is missing.');
  return { build, runtime };
}

const isOld = (base: BaseRecord): boolean => Date.now() - Date.parse(base.madeAt) > BASE_LIFE_MS;
const sameTarget = (a: Target, b: Target): boolean => a.suite === b.suite && a.architecture === b.architecture;
