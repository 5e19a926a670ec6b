import { characterDevice, directory, file, symbolicLink, writeCpio } from './cpio.ts';
import type { KernelModule } from './modules.ts';

/** The parts of an initrd. */
export interface InitrdParts {
  /** A statically linked busybox; it is /bin/sh of the initrd. */
  readonly busybox: Uint8Array;
  readonly modules: readonly KernelModule[];
  /** guest/init */
  readonly init: Uint8Array;
}

const FOLDERS = ['bin', 'dev', 'proc', 'sys', 'base', 'rw', 'root', 'modules'];
const APPLETS = ['sh', 'mount', 'insmod', 'mkdir', 'cat', 'chroot', 'sleep', 'switch_root'];

/**
 * Writes our initrd: busybox, the modules with their order, and init. Same parts, same bytes. Not compressed: it is small,
 * and unpacking under emulation takes longer than reading. Pure.
 */
export function writeInitrd(parts: InitrdParts): Buffer {
  const order = parts.modules.map((module) => `${module.name}\n`).join('');
  return writeCpio([
    ...FOLDERS.map(directory),
    characterDevice('dev/console', 5, 1),
    characterDevice('dev/null', 1, 3),
    file('bin/busybox', parts.busybox, 0o755),
    ...APPLETS.map((name) => symbolicLink(`bin/${name}`, 'busybox')),
    ...parts.modules.map((module) => file(`modules/${module.name}.ko`, module.content)),
    file('modules/order', Buffer.from(order)),
    file('init', parts.init, 0o755),
  ]);
}
