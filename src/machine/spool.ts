import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

/** A file that takes the raw bytes of one channel, up to a cap, and hashes them. */
export interface Spool {
  /** Bytes written so far. */
  readonly bytes: () => number;
  /** Lower-case hex sha512 of what was written so far. */
  readonly sha512: () => string;
  /** Settles when the stream has ended or was let go, and the file is closed. Rejects when the file cannot be written. */
  readonly done: Promise<void>;
  /** Stops reading the stream; what is underway is still written. */
  readonly stop: () => void;
}

/**
 * Spools a channel into a new file. The stream is read no faster than the file takes it. `onBytes` hears the true number
 * of bytes of every chunk after it was written; what passes `maxBytes` is counted there but never written.
 */
export async function spoolStream(
  stream: Readable,
  path: string,
  maxBytes: number,
  onBytes: (chunk: Uint8Array) => void,
): Promise<Spool> {
  const file = await open(path, 'wx', 0o600);
  const hash = createHash('sha512'); // quicker than sha256 for an emulated guest (docs/decisions/0016-channels.md)
  let bytes = 0;
  const pump = async (): Promise<void> => {
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: true }) as AsyncIterable<Buffer>) {
        const kept = chunk.subarray(0, maxBytes - bytes);
        let written = 0;
        while (written < kept.length) written += (await file.write(kept, written)).bytesWritten;
        bytes += kept.length;
        hash.update(kept);
        onBytes(chunk);
      }
    } catch (error) {
      // A destroyed channel is how every guest ends; a file that takes no more is not.
      if (!isStreamEnd(error)) throw error;
    } finally {
      await file.close();
    }
  };
  const done = pump();
  done.catch(() => {});
  return { bytes: () => bytes, sha512: () => hash.copy().digest('hex'), done, stop: () => stream.destroy() };
}

function isStreamEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR', 'ECONNRESET', 'EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(
    String(code),
  );
}
