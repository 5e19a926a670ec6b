import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { readJson, writeJson } from '../../host/files.ts';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import type { MachineArchitecture } from '../../model/target.ts';

export interface QemuProgram {
  readonly path: string;
  /** `7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)` */
  readonly version: string;
}

/** QEMU's program for machines of an architecture, with Debian's package of it. */
const PROGRAMS: Record<MachineArchitecture, { readonly path: string; readonly package: string }> = {
  amd64: { path: '/usr/bin/qemu-system-x86_64', package: 'qemu-system-x86' },
  arm64: { path: '/usr/bin/qemu-system-aarch64', package: 'qemu-system-arm' },
};
/** What this host's own processor runs fastest. */
const OWN_MACHINE: MachineArchitecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const known = z.object({ stamp: z.string(), version: z.string() });

/**
 * QEMU for machines of an architecture, and its version. Asking it takes 50 ms, so the answer is kept in `state.run` until the file
 * changes. RennetError `missing-tool`.
 */
export async function findQemu(
  state: StateFolder,
  machine: MachineArchitecture = OWN_MACHINE,
  programs = PROGRAMS,
): Promise<QemuProgram> {
  const { path, package: name } = programs[machine];
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new RennetError(
      'missing-tool',
      `QEMU for ${machine} machines is not installed on this host (there is no ${path}).`,
      `Run: apt install ${name}`,
    );
  }
  const stamp = `${found.ino}-${found.size}-${found.mtimeMs}`;
  const cache = join(state.run, machine === 'amd64' ? 'qemu.json' : `qemu-${machine}.json`);
  const kept = known.safeParse(await readJson(cache));
  if (kept.success && kept.data.stamp === stamp) return { path, version: kept.data.version };
  const { stdout } = await execa(path, ['--version']);
  const version = /version (.+)/.exec(stdout)?.[1]?.trim() ?? 'unknown';
  await writeJson(cache, { stamp, version });
  return { path, version };
}
