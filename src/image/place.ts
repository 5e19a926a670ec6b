import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../model/machine.ts';
import type { StateFolder } from '../model/state.ts';
import type { ImageRecord } from './record.ts';

/** Where the parts of an image lie in memory. */
export interface MemoryPlace {
  readonly folder: string;
  readonly disk: string;
  readonly root: string;
}

export function memoryPlace(state: StateFolder, digest: string): MemoryPlace {
  const folder = join(state.memory, 'images', digest);
  return { folder, disk: join(folder, 'root.ext4'), root: join(folder, 'root') };
}

/** The image as drivers see it. Kernel, initrd and status stay in the state folder: they are small and read rarely. */
export function imageOf(record: ImageRecord, state: StateFolder): Image {
  const place = memoryPlace(state, record.digest);
  return {
    digest: record.digest,
    kind: record.kind,
    target: record.target,
    disk: place.disk,
    folder: place.root,
    kernel: join(record.folder, 'vmlinuz'),
    initrd: join(record.folder, 'initrd'),
    packages: record.packages,
    dpkgStatus: join(record.folder, 'status'),
  };
}

export const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
