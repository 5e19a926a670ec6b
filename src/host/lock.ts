import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';

/** A lock that the kernel lets go when this process ends, however it ends. */
export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock on a file (made where missing), waiting for it. Node has no flock(2): flock(1) holds it and ends when
 * our end of its standard input closes. RennetError `cancelled` on abort.
 */
export async function lockFile(path: string, signal: AbortSignal): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  // --no-fork: the lock must belong to the very process that waits on our pipe.
  const holder = execa('flock', ['--no-fork', path, 'sh', '-c', 'echo held; read -r _'], {
    stdin: 'pipe',
    cancelSignal: signal,
    reject: false,
    buffer: false,
  });
  const held = await new Promise<boolean>((resolve) => {
    holder.stdout.once('data', () => resolve(true));
    void holder.then(() => resolve(false));
  });
  if (!held) {
    if (signal.aborted) throw new RennetError('cancelled', 'Stopped while waiting for another rennet.');
    throw new RennetError('state-unwritable', `The lock ${path} cannot be taken.`, 'Check the folder and its owner.');
  }
  return {
    async release() {
      holder.stdin.end();
      await holder;
    },
  };
}
