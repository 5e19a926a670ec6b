import type { StateFolder } from '../model/state.ts';

/** Stops the private PostgreSQL; true when one ran. */
export async function stopDatabase(state: StateFolder, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  throw new Error(`not there yet: ${state.root}`);
}

/** The command that stops the private PostgreSQL when nobody is connected to it (exit 0), else does nothing (exit 1). */
export function stopCommand(state: StateFolder): string[] {
  return [process.execPath, `${import.meta.dirname}/idle-stop.ts`, state.root];
}
