import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { RennetError } from '../model/errors.ts';
import { openCommandStore } from './open-store.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

/** `rennet log ATTEMPT`: the log of an attempt. It is hostile bytes, so control characters are taken out before it is shown. */
export function addLog(program: Command): void {
  withCommonOptions(program.command('log').description('show the log of an attempt').argument('<attempt>')).action(
    (id: string, options: CommonOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const store = await openCommandStore(context);
        try {
          const attempt = await store.attempt(id);
          if (!attempt)
            throw new RennetError(
              'unknown-attempt',
              `There is no attempt ${id} in ${state.root}.`,
              'rennet list --attempts shows those there are.',
            );
          if (!attempt.log) {
            output.say(`Attempt ${id} has no log: it ended before a guest ran. ${attempt.sentence}`);
            return EXIT.success;
          }
          const lines = createInterface({
            input: createReadStream(store.blobPath(attempt.log)),
            crlfDelay: Number.POSITIVE_INFINITY,
          });
          for await (const line of lines) {
            signal.throwIfAborted();
            output.event('log', { attempt: id, line });
            if (!output.json) output.say(line);
          }
          return EXIT.success;
        } finally {
          await store.close();
        }
      }),
  );
}
