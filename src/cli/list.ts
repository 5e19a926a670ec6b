import type { Command } from 'commander';
import { formatTarget } from '../model/target.ts';
import type { PublishedRow } from '../store/records.ts';
import type { Store } from '../store/store.ts';
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
          const madeFrom = await sourcesOf(rows, store);
          for (const row of rows)
            output.event('package', { ...row, madeFrom: madeFrom.get(row.attempt), control: undefined });
          output.say(
            rows.length === 0
              ? 'Nothing is published yet. Try: rennet build ftfy'
              : formatTable(
                  ['package', 'version', 'suite', 'architecture', 'project', 'made from'],
                  rows.map((row) => [
                    row.package,
                    row.version,
                    row.suite,
                    row.architecture,
                    row.project,
                    madeFrom.get(row.attempt) ?? '',
                  ]),
                ),
          );
          return EXIT.success;
        } finally {
          await store.close();
        }
      }),
    );
}

/** `sdist` or `wheel` by attempt; attempts of before this was written down have none. */
async function sourcesOf(rows: readonly PublishedRow[], store: Store): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.map(({ attempt }) => attempt))];
  const attempts = ids.length === 0 ? [] : await store.attempts({ ids, limit: ids.length });
  return new Map(
    attempts.flatMap(({ id, provenance: { madeFrom } }) => (typeof madeFrom === 'string' ? [[id, madeFrom]] : [])),
  );
}
