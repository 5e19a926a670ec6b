import { type Keeper, openKeeper } from '../machine/keeper.ts';
import { recover } from '../recovery.ts';
import { stopCommand } from '../store/database-stop.ts';
import { openStore, type Store } from '../store/store.ts';
import type { CommandContext } from './run-command.ts';

/**
 * Opens the store for one command. The keeper gets a lease as long as the command runs; when none is left for a while, it ends the private PostgreSQL
 * and itself, so that nothing stays running for ever. What killed processes left is cleaned up first.
 */
export async function openCommandStore({ state, output, signal }: CommandContext): Promise<Store> {
  const store = await openStore(state, signal);
  let keeper: Keeper | undefined;
  const close = async () => {
    keeper?.close();
    await store.close();
  };
  try {
    keeper = await openKeeper(state, signal);
    await keeper.registerIdleStop(stopCommand(state));
    await recover({ state, store, note: output.note }, signal);
    return { ...store, close };
  } catch (error) {
    await close();
    throw error;
  }
}
