import type { Command } from 'commander';
import { publishSuite } from '../publication.ts';
import { RennetError } from '../model/errors.ts';
import { openCommandStore } from './open-store.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

/** `rennet remove PACKAGE…`: takes packages out of the repository's index; the files stay as long as an index of the last days names them. */
export function addRemove(program: Command): void {
  withCommonOptions(
    program.command('remove').description('take packages out of the repository').argument('<package...>'),
  )
    .option('--suite <suite>', 'only from this suite (default: from all)')
    .action((names: string[], options: CommonOptions & { suite?: string }) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const store = await openCommandStore(context);
        try {
          const removed = new Set<string>();
          for (const suite of options.suite ? [options.suite] : await store.suites()) {
            const gone = await store.removePackages(names, suite);
            if (gone.length > 0) await publishSuite(suite, { state, store, onWait: output.note }, signal);
            for (const name of gone) {
              removed.add(name);
              output.event('removed', { package: name, suite });
              output.say(`${name} is no longer in ${suite}.`);
            }
          }
          const missing = names.filter((name) => !removed.has(name));
          if (missing.length > 0)
            throw new RennetError(
              'unknown-package',
              `Not published, so not removed: ${missing.join(', ')}.`,
              'rennet list shows what is.',
            );
          return EXIT.success;
        } finally {
          await store.close();
        }
      }),
    );
}
