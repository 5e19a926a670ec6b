import type { Command } from 'commander';
import { formatTarget } from '../model/target.ts';
import { attemptEvent } from './attempt-event.ts';
import { openCommandStore } from './open-store.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';
import { formatTable } from './table.ts';

/** `rennet list`: what is published, or with --attempts what was tried. */
export function addList(program: Command): void {
  withCommonOptions(program.command('list').description('list what is published'))
    .option('--suite <suite>', 'only this suite')
    .option('--attempts', 'list the newest attempts instead', false)
    .action((options: CommonOptions & { suite?: string; attempts: boolean }) =>
      runCommand(options, async (context) => {
        const { output } = context;
        const store = await openCommandStore(context);
        try {
          if (options.attempts) {
            const attempts = await store.attempts({ limit: 50 });
            for (const attempt of attempts)
              output.event('attempt', { ...attemptEvent(attempt), startedAt: attempt.startedAt });
            output.say(
              attempts.length === 0
                ? 'Nothing was tried yet.'
                : formatTable(
                    ['attempt', 'project', 'target', 'outcome', 'when'],
                    attempts.map((a) => [
                      a.id,
                      `${a.project} ${a.version}`,
                      formatTarget(a),
                      a.outcome ?? 'running',
                      a.startedAt,
                    ]),
                  ),
            );
            return EXIT.success;
          }
          const suites = options.suite ? [options.suite] : await store.suites();
          const published = await Promise.all(suites.map((suite) => store.publishedRows(suite)));
          // What is recorded and not yet in an index (an interrupted run, a full disk) is published by the next start.
          const rows = published.flatMap((suite) => suite.rows.filter(({ publishedAt }) => publishedAt !== undefined));
          for (const row of rows) output.event('package', { ...row, control: undefined });
          output.say(
            rows.length === 0
              ? 'Nothing is published yet. Try: rennet build ftfy'
              : formatTable(
                  ['package', 'version', 'suite', 'architecture', 'project'],
                  rows.map((row) => [row.package, row.version, row.suite, row.architecture, row.project]),
                ),
          );
          return EXIT.success;
        } finally {
          await store.close();
        }
      }),
    );
}
