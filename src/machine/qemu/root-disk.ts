import { chmod, chown, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { copySparse, usedMiB } from '../../host/files.ts';
import { requireMemory, requireSpace } from '../../host/memory.ts';
import { RennetError } from '../../model/errors.ts';
import { JAIL_PATHS, type RootDisk } from './arguments.ts';
import { memoryForGuestsMiB, ownDiskMiB } from './room.ts';
import type { Slot } from './slot.ts';

/** A disk that one guest writes to; it goes with the folder of the guest's slot. */
export interface OwnDisk {
  readonly kind: Exclude<RootDisk, 'shared'>;
  readonly path: string;
  /** How large its file may become. */
  readonly fileBytes: number;
}

/** What QEMU writes of a qcow2 file beside the data: tables, and clusters of 64 KiB that are full only in part. */
const TABLES_MIB = 64;

/**
 * Makes the disk of a guest in its slot: a copy of the image's disk, or an empty file over it that takes what differs. Rolling back is
 * removing it. RennetError `no-space`, `no-memory`, `missing-tool`, `cancelled`.
 */
export async function makeOwnDisk(
  kind: OwnDisk['kind'],
  base: string,
  slot: Slot,
  signal: AbortSignal,
): Promise<OwnDisk> {
  const { size } = await stat(base);
  const needMiB = ownDiskMiB(kind, await usedMiB(base));
  const path = join(slot.folder, `root.${kind}`);
  await rm(path, { force: true }); // of a boot that did not come up
  await requireSpace(slot.folder, needMiB, "A guest's own disk");
  await requireMemory(needMiB, "A guest's own disk", await memoryForGuestsMiB());
  await (kind === 'copy' ? copySparse(base, path, signal) : makeDelta(path, size, signal));
  await chmod(path, 0o600);
  if (slot.uid !== undefined) await chown(path, slot.uid, slot.uid);
  return { kind, path, fileBytes: size + TABLES_MIB * 2 ** 20 };
}

/** Its backing file is named as the jail shows it, and is not looked at here (`-u`). */
async function makeDelta(path: string, bytes: number, signal: AbortSignal): Promise<void> {
  const backing = ['-u', '-b', JAIL_PATHS.base, '-F', 'raw'];
  const run = await execa('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, path, String(bytes)], {
    cancelSignal: signal,
    stdin: 'ignore',
    reject: false,
  });
  if (signal.aborted) throw new RennetError('cancelled', 'Making the disk of a guest was stopped.');
  if (run.code === 'ENOENT')
    throw new RennetError('missing-tool', 'qemu-img is not installed.', 'Run: apt install qemu-utils');
  if (run.failed)
    throw new RennetError('no-space', `The disk of a guest cannot be made in ${path}.`, 'Check the space there.', {
      cause: new Error(run.stderr),
    });
}
