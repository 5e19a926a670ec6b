import { hash, randomBytes } from 'node:crypto';
import { constants, copyFile, open, rename, rm } from 'node:fs/promises';
import type { Progress } from '../model/progress.ts';
import type { Project, ReleaseFile } from '../model/release.ts';
import { RennetError } from '../model/errors.ts';
import { printable } from './address.ts';
import { collect, downloadTo } from './download.ts';
import { createHttpGet, HTTP_CAPS, type HttpCaps } from './http.ts';
import { fileError } from '../host/files.ts';
import { createIndexCache } from './index-cache.ts';
import { normaliseProject } from '../model/project-name.ts';
import { getProject } from './page-client.ts';
import type { IndexSettings } from './settings.ts';
import { readWheelMember, type WheelMember } from './wheel-metadata.ts';

/** Core metadata as the index gives it, with the way it was got. */
interface FoundMetadata {
  readonly bytes: Uint8Array;
  readonly source: 'pep658' | 'range';
}

/** The origin of what a person gave as a folder or file. */
export const LOCAL = 'local';

/**
 * The port to the Python index. Every method rejects with RennetError (`unknown-project`, `bad-index-page`,
 * `index-refused`, `index-failed`, `index-unreachable`, `download-truncated`, `wrong-hash`, `too-large`, `no-space`)
 * or, on abort, with the signal's reason.
 */
export interface IndexClient {
  /** Where releases of a project come from: the index's address without user name, password and query, or `LOCAL`. */
  origin(name: string): string;
  /** All releases of a project (any spelling of its name), newest first. One request, none while the page is fresh. */
  project(name: string, signal: AbortSignal): Promise<Project>;
  /**
   * Core metadata of a file without downloading it: the file beside it (PEP 658/714), else the member of a wheel read
   * by ranges. Hostile bytes. Undefined for an sdist without such a file and for a wheel that cannot be read so.
   */
  metadata(file: ReleaseFile, signal: AbortSignal): Promise<FoundMetadata | undefined>;
  /** A member of a wheel's .dist-info folder, read by ranges. Hostile bytes. Undefined where the wheel has none or cannot be read so. */
  wheelMember(file: ReleaseFile, member: WheelMember, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /**
   * Puts a file at `path`, whose hash is checked where the index gives one; a file that was downloaded before is
   * copied. Nothing is left at `path` on failure and on abort.
   */
  download(
    file: ReleaseFile,
    path: string,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ bytes: number; sha256: string }>;
}

/** Bounds of an index client; tests make them small. */
export interface IndexCaps extends HttpCaps {
  readonly pageBytes: number;
  readonly metadataBytes: number;
  readonly fileBytes: number;
  /** The most that is read of a wheel for its METADATA where the server ignores Range. */
  readonly wholeWheelBytes: number;
}

const INDEX_CAPS: IndexCaps = {
  ...HTTP_CAPS,
  pageBytes: 64 * 2 ** 20,
  metadataBytes: 8 * 2 ** 20,
  fileBytes: 2 * 2 ** 30,
  wholeWheelBytes: 8 * 2 ** 20,
};

export function createIndexClient(options: {
  readonly settings: IndexSettings;
  readonly cacheFolder: string;
  readonly caps?: Partial<IndexCaps>;
}): IndexClient {
  const { settings } = options;
  const caps = { ...INDEX_CAPS, ...options.caps };
  const get = createHttpGet(settings, caps);
  const cache = createIndexCache(options.cacheFolder);

  async function beside(file: ReleaseFile, signal: AbortSignal): Promise<Buffer | undefined> {
    const url = new URL(file.url);
    url.pathname += '.metadata';
    const found = await get(url, {}, (answer) => collect(answer.body(caps.metadataBytes)), signal).catch(
      (error: unknown) => {
        // Announced and not there: the index is careless, the wheel still tells.
        if (error instanceof RennetError && error.code === 'unknown-project') return undefined;
        throw error;
      },
    );
    if (found === undefined || typeof file.metadataSha256 !== 'string') return found;
    if (hash('sha256', found) === file.metadataSha256) return found;
    throw new RennetError(
      'wrong-hash',
      `The metadata of ${file.filename} has another sha256 than the index says.`,
      'Try again later.',
    );
  }

  async function fetchMetadata(file: ReleaseFile, signal: AbortSignal): Promise<FoundMetadata | undefined> {
    const announced = file.metadataSha256 === undefined ? undefined : await beside(file, signal);
    if (announced !== undefined) return { bytes: announced, source: 'pep658' };
    if (file.kind !== 'wheel') return undefined;
    const bytes = await readWheelMember(get, file, 'METADATA', caps, signal);
    return bytes && { bytes, source: 'range' };
  }

  return {
    origin: () => printable(new URL(settings.indexUrl)),
    async project(name, signal) {
      const project = normaliseProject(name);
      const address = new URL(`${settings.indexUrl}/${encodeURIComponent(project)}/`);
      return getProject(get, cache, address, project, caps.pageBytes, signal);
    },
    async metadata(file, signal) {
      signal.throwIfAborted();
      const source = file.metadataSha256 === undefined ? 'range' : 'pep658';
      const kept = file.sha256 === undefined ? undefined : await cache.metadata(`${file.sha256}.${source}`);
      if (kept !== undefined) return { bytes: kept, source };
      const found = await fetchMetadata(file, signal);
      if (found !== undefined && file.sha256 !== undefined) {
        await cache.keepMetadata(`${file.sha256}.${found.source}`, found.bytes);
      }
      return found;
    },
    async wheelMember(file, member, signal) {
      signal.throwIfAborted();
      const key = file.sha256 === undefined ? undefined : `${file.sha256}.${member}`;
      const kept = key === undefined ? undefined : await cache.metadata(key);
      if (kept !== undefined) return kept;
      const found = await readWheelMember(get, file, member, caps, signal);
      if (found !== undefined && key !== undefined) await cache.keepMetadata(key, found);
      return found;
    },
    async download(file, path, progress, signal) {
      signal.throwIfAborted();
      const kept = file.sha256 === undefined ? undefined : await cache.file(file.sha256, signal);
      if (kept !== undefined && file.sha256 !== undefined)
        return { bytes: await copy(kept, path), sha256: file.sha256 };
      const temporary = await cache.temporary();
      const result = await downloadTo(get, file, temporary, caps.fileBytes, progress, signal);
      await copy(await cache.keepFile(temporary, result.sha256), path);
      return result;
    },
  };
}

/** A copy, never a link: what a later stage does to its file must not reach the cache. */
async function copy(from: string, to: string): Promise<number> {
  const beside = `${to}.${randomBytes(6).toString('hex')}`;
  try {
    await copyFile(from, beside, constants.COPYFILE_FICLONE);
    const file = await open(beside);
    await file.sync();
    const { size } = await file.stat();
    await file.close();
    await rename(beside, to);
    return size;
  } catch (cause) {
    await rm(beside, { force: true });
    throw fileError(cause, to);
  }
}
