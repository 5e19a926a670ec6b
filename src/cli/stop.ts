import type { Command } from 'commander';
import { findKeeper } from '../machine/keeper.ts';
import { stopDatabase } from '../store/database-stop.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

/** `rennet stop`: ends at once what stays running between commands. */
export function addStop(program: Command): void {
  withCommonOptions(program.command('stop').description('end what stays running between commands')).action(
    (options: CommonOptions) =>
      runCommand(options, async ({ output, state, signal }) => {
        const database = await stopDatabase(state, signal);
        const found = await findKeeper(state);
        await found?.stop();
        const keeper = found !== undefined;
        output.event('stopped', { keeper, database });
        const stopped = [keeper && 'the keeper of templates', database && 'the private PostgreSQL'].filter(Boolean);
        output.say(stopped.length === 0 ? 'Nothing was running.' : `Stopped: ${stopped.join(', ')}.`);
        return EXIT.success;
      }),
  );
}
