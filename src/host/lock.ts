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
 * our end of its standard input closes. `signal` ends the waiting only: what is cleaned up after an abort is cleaned up under the
 * lock. RennetError `cancelled` on abort.
 */
export async function lockFile(path: string, signal: AbortSignal): Promise<Lock> {
  const lock = await takeLock(path, [], signal);
  if (signal.aborted) throw new RennetError('cancelled', 'Stopped while waiting for another rennet.');
  if (lock === undefined)
    throw new RennetError('state-unwritable', `The lock ${path} cannot be taken.`, 'Check the folder and its owner.');
  return lock;
}

/** The same without waiting; undefined where somebody else holds it, or it cannot be taken at all. */
export function tryLockFile(path: string): Promise<Lock | undefined> {
  return takeLock(path, ['--nonblock'], new AbortController().signal);
}

async function takeLock(path: string, how: readonly string[], signal: AbortSignal): Promise<Lock | undefined> {
  await mkdir(dirname(path), { recursive: true });
  // One that only waits does not read its input: PR_SET_PDEATHSIG ends it with us. A session of its own: ^C of the terminal goes to
  // all processes of ours at once. --no-fork: the lock must belong to the very process that waits on our pipe.
  const command = ['--pdeathsig', 'KILL', 'flock', '--no-fork', ...how, path, 'sh', '-c', 'echo held; read -r _'];
  const holder = execa('setpriv', command, { stdin: 'pipe', detached: true, reject: false, buffer: false });
  const stop = (): void => void holder.kill('SIGKILL');
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const held = await new Promise<boolean>((resolve) => {
    holder.stdout.once('data', () => resolve(true));
    void holder.then(() => resolve(false));
  });
  signal.removeEventListener('abort', stop);
  if (!held) return undefined;
  const lock = {
    async release() {
      holder.stdin.end();
      await holder;
    },
  };
  if (!signal.aborted) return lock;
  await lock.release();
  return undefined;
}
