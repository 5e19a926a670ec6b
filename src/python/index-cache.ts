import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { fileError, sha256OfFile } from '../host/files.ts';
import type { IndexPage } from './index-page.ts';

/** A page with what is needed to ask whether it still holds. */
export interface KeptPage extends IndexPage {
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly freshMs: number;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

const PageHeader = z.object({
  contentType: z.string(),
  url: z.string(),
  fetchedAt: z.number(),
  freshMs: z.number(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
});

const ABANDONED_MS = 24 * 3600_000;

/**
 * Pages by address, metadata and files by sha256, below one folder. Everything is written beside, synced and renamed,
 * so that two processes at once and a power cut leave whole entries only. What cannot be read counts as absent.
 */
export interface IndexCache {
  page(address: string): Promise<KeptPage | undefined>;
  keepPage(address: string, page: KeptPage): Promise<void>;
  /** Where the file with this hash lies, after its bytes were hashed again. */
  file(sha256: string, signal: AbortSignal): Promise<string | undefined>;
  /** Takes a file in; it is gone from its old place afterwards. */
  keepFile(temporary: string, sha256: string): Promise<string>;
  metadata(wheelSha256: string): Promise<Buffer | undefined>;
  keepMetadata(wheelSha256: string, bytes: Uint8Array): Promise<void>;
  /** A new name in the cache's own folder for unfinished files. */
  temporary(): Promise<string>;
}

export function createIndexCache(folder: string): IndexCache {
  const partial = join(folder, 'partial');
  const pagePath = (address: string): string => join(folder, 'pages', digest(address));
  const filePath = (sha256: string): string => join(folder, 'files', sha256.slice(0, 2), sha256);
  const metadataPath = (sha256: string): string => join(folder, 'metadata', sha256.slice(0, 2), sha256);
  let swept: Promise<void> | undefined;
  const temporary = async (): Promise<string> => {
    await mkdir(partial, { recursive: true }).catch((cause: unknown) => {
      throw fileError(cause, folder);
    });
    await (swept ??= sweep(partial));
    return join(partial, `${process.pid}-${randomBytes(8).toString('hex')}`);
  };
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    const beside = await temporary();
    try {
      await writeFile(beside, content, { flag: 'wx', flush: true });
      await mkdir(dirname(path), { recursive: true });
      await rename(beside, path);
    } catch (cause) {
      await rm(beside, { force: true });
      throw fileError(cause, folder);
    }
  };
  return {
    temporary,
    async page(address) {
      const text = await readFile(pagePath(address), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : readPage(text);
    },
    async keepPage(address, { body, ...header }) {
      await write(pagePath(address), `${JSON.stringify(header)}\n${body}`);
    },
    async file(sha256, signal) {
      const path = filePath(sha256);
      const found = await sha256OfFile(path, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (found === sha256) return path;
      if (found !== undefined) await rm(path, { force: true });
      return undefined;
    },
    async keepFile(from, sha256) {
      const path = filePath(sha256);
      await mkdir(dirname(path), { recursive: true });
      await rename(from, path);
      return path;
    },
    metadata: (sha256) => readFile(metadataPath(sha256)).catch(() => undefined),
    keepMetadata: (sha256, bytes) => write(metadataPath(sha256), bytes),
  };
}

function readPage(text: string): KeptPage | undefined {
  const end = text.indexOf('\n');
  try {
    return { ...PageHeader.parse(JSON.parse(text.slice(0, end))), body: text.slice(end + 1) };
  } catch {
    return undefined;
  }
}

/** Unfinished files of processes that were killed; a running download is never this old without a change. */
async function sweep(partial: string): Promise<void> {
  for (const name of await readdir(partial).catch(() => [])) {
    const path = join(partial, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
