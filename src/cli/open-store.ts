import { openKeeper } from '../machine/keeper.ts';
import { stopCommand } from '../store/database-stop.ts';
import { openStore, type Store } from '../store/store.ts';
import type { CommandContext } from './run-command.ts';

/**
 * Opens the store for one command. The keeper gets a lease as long as the command runs; when none is left for a while, it ends the private PostgreSQL
 * and itself, so that nothing stays running for ever.
 */
export async function openCommandStore({ state, signal }: CommandContext): Promise<Store> {
  const store = await openStore(state, signal);
  try {
    const keeper = await openKeeper(state, signal);
    await keeper.registerIdleStop(stopCommand(state));
    const close = async () => {
      keeper.close();
      await store.close();
    };
    return { ...store, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}
