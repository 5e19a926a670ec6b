import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { readJson, writeJson } from '../../host/files.ts';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';

export interface QemuProgram {
  readonly path: string;
  /** `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)` */
  readonly version: string;
}

const PATH = '/usr/bin/qemu-system-x86_64';
const known = z.object({ stamp: z.string(), version: z.string() });

/**
 * QEMU and its version. Asking it takes 50 ms, so the answer is kept in `state.run` until the file changes.
 * RennetError `missing-tool`.
 */
export async function findQemu(state: StateFolder): Promise<QemuProgram> {
  const found = await stat(PATH).catch(() => undefined);
  if (found === undefined) {
    throw new RennetError('missing-tool', 'QEMU is not installed.', 'Run: apt install qemu-system-x86');
  }
  const stamp = `${found.ino}-${found.size}-${found.mtimeMs}`;
  const cache = join(state.run, 'qemu.json');
  const kept = known.safeParse(await readJson(cache));
  if (kept.success && kept.data.stamp === stamp) return { path: PATH, version: kept.data.version };
  const { stdout } = await execa(PATH, ['--version']);
  const version = /version (.+)/.exec(stdout)?.[1]?.trim() ?? 'unknown';
  await writeJson(cache, { stamp, version });
  return { path: PATH, version };
}
