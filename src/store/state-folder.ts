import type { StateFolder } from '../model/state.ts';

/** Creates what is missing of a state folder. */
export async function prepareState(state: StateFolder, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  throw new Error(`not there yet: ${state.root}`);
}
