import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_BYTES, MAX_FILES, MAX_REPORT_BYTES } from '../limits.ts';
import { decodeFrames } from './frames.ts';

/** One content as the host itself wrote and measured it. */
export interface Spooled {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A bound was reached; the name of the rule. */
export class SpoolLimit extends Error {
  readonly rule: 'too-many-files' | 'too-large' | 'reading-limit';

  constructor(rule: SpoolLimit['rule']) {
    super(rule);
    this.name = 'SpoolLimit';
    this.rule = rule;
  }
}

/**
 * Writes the contents that the reading process sends into numbered files below `folder` and gives back its report text.
 * Names never become paths here. Throws SpoolLimit at a bound, Error on a stream out of shape.
 */
export async function spool(
  stream: AsyncIterable<Uint8Array>,
  folder: string,
): Promise<{ contents: Spooled[]; report: string }> {
  const contents: Spooled[] = [];
  const report: Buffer[] = [];
  let [total, reported] = [0, 0];
  let current: { file: FileHandle; path: string; hash: ReturnType<typeof createHash>; bytes: number } | undefined;
  try {
    for await (const { kind, bytes } of decodeFrames(stream)) {
      if (kind === 'report') {
        reported += bytes.length;
        if (reported > MAX_REPORT_BYTES) throw new SpoolLimit('reading-limit');
        report.push(bytes);
        continue;
      }
      if (contents.length >= MAX_FILES) throw new SpoolLimit('too-many-files');
      total += bytes.length;
      if (total > MAX_BYTES) throw new SpoolLimit('too-large');
      const path = join(folder, String(contents.length));
      current ??= { file: await open(path, 'wx', 0o600), path, hash: createHash('sha256'), bytes: 0 };
      if (kind === 'content') {
        await current.file.writeFile(bytes);
        current.hash.update(bytes);
        current.bytes += bytes.length;
        continue;
      }
      await current.file.close();
      contents.push({ path, bytes: current.bytes, sha256: current.hash.digest('hex') });
      current = undefined;
    }
  } finally {
    await current?.file.close();
  }
  if (current) throw new Error('the stream ends within a file');
  return { contents, report: Buffer.concat(report).toString('utf8') };
}
