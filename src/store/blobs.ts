import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { StateFolder } from '../model/state.ts';
import { fileError, syncFolder } from '../host/files.ts';
import { temporaryName } from '../host/process-owner.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Where a blob lies: `blobs/ab/ab12…`. */
export function blobPath(state: StateFolder, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError('a blob is named by 64 lower-case hex digits');
  return join(state.blobs, sha256.slice(0, 2), sha256);
}

/**
 * Copies `file` into the store and gives its sha256. When it returns, the blob survives a power cut: file fsynced, renamed,
 * folders fsynced. A failed fsync is never tried again (the kernel may have dropped the pages); the copy is removed.
 */
export async function putBlob(state: StateFolder, file: string, signal?: AbortSignal): Promise<string> {
  const temporary = join(state.blobs, temporaryName());
  try {
    const sha256 = await copyDurably(file, temporary, signal);
    const path = blobPath(state, sha256);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    // Over an equal blob too: the bytes are the same, and the other writer may not have reached its fsync yet.
    await rename(temporary, path);
    await syncFolder(dirname(path));
    await syncFolder(state.blobs);
    return sha256;
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, state.blobs);
  }
}

export async function blobExists(state: StateFolder, sha256: string, bytes: number): Promise<boolean> {
  const found = await stat(blobPath(state, sha256)).catch(() => undefined);
  return found?.size === bytes;
}

async function copyDurably(file: string, copy: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const source = await open(file, 'r');
  try {
    const target = await open(copy, 'wx', 0o644);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES);
        if (bytesRead === 0) break;
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        await target.writeFile(chunk);
      }
      await target.chmod(0o444);
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  return hash.digest('hex');
}
