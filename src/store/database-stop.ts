import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { startTicks } from '../host/process-owner.ts';

/** A "fast" shutdown takes well under a second; after this long something holds it up. */
const FAST_MS = 20_000;
const POLL_MS = 25;

/** Stops the private PostgreSQL of this state folder and waits for its end; true when one ran. A shared server is left alone. */
export async function stopDatabase(state: StateFolder, signal: AbortSignal): Promise<boolean> {
  const pid = await serverPid(state);
  if (pid === undefined) return false;
  const start = startTicks(pid);
  // PostgreSQL manual, "Shutting Down the Server": SIGINT ends sessions and writes a checkpoint, SIGQUIT does neither.
  for (const name of ['SIGINT', 'SIGQUIT'] as const) {
    kill(pid, name);
    for (let waitedMs = 0; waitedMs < FAST_MS; waitedMs += POLL_MS) {
      if (startTicks(pid) !== start) return true;
      await sleep(POLL_MS, undefined, { signal });
    }
  }
  throw new RennetError('database-failed', `PostgreSQL (process ${pid}) does not stop.`, `End it with: kill -9 ${pid}`);
}

/** Process id of the running server of this state folder. A pid file alone proves nothing: the server's working folder must be the data folder. */
export async function serverPid(state: StateFolder): Promise<number | undefined> {
  const text = await readFile(join(state.postgres, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || startTicks(pid) === undefined) return undefined;
  const [data, works] = await Promise.all([stat(state.postgres), stat(`/proc/${pid}/cwd`).catch(() => undefined)]);
  return works !== undefined && works.dev === data.dev && works.ino === data.ino ? pid : undefined;
}

/** The command that stops the private PostgreSQL when nobody is connected to it (exit 0), else does nothing (exit 1). */
export function stopCommand(state: StateFolder): string[] {
  return [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, 'idle-stop.ts'),
    state.root,
  ];
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
