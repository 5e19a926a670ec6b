import type { Command } from 'commander';
import { explainCheck } from '../check/report.ts';
import { RennetError } from '../model/errors.ts';
import { TIMED_STAGES } from '../model/outcome.ts';
import { formatTarget } from '../model/target.ts';
import type { Attempt } from '../store/records.ts';
import { explainTests, testReportOf } from '../tests/report.ts';
import { attemptEvent, sourceNote } from './attempt-event.ts';
import { ledgerText } from './ledger-text.ts';
import { openCommandStore } from './open-store.ts';
import { chooseTarget, type CommonOptions, withCommonOptions } from './options.ts';
import { parseProjectName } from './project-argument.ts';
import { EXIT, runCommand } from './run-command.ts';
import { formatDuration } from './status-line.ts';

/** `rennet why PROJECT`: one sentence for the last outcome, then the evidence. */
export function addWhy(program: Command): void {
  withCommonOptions(program.command('why').description('say how the last attempt ended, and why').argument('<project>'))
    .option('--target <target>', 'suite/architecture (default: the host)')
    .option('--all', 'every line of the ledger', false)
    .action((name: string, options: CommonOptions & { target?: string; all: boolean }) =>
      runCommand(options, async (context) => {
        const { output } = context;
        const project = parseProjectName(name);
        const target = await chooseTarget(options.target, context.signal);

        const store = await openCommandStore(context);
        try {
          const attempt = await store.lastAttempt(project, target);
          if (!attempt)
            throw new RennetError(
              'unknown-attempt',
              `${project} was never tried for ${formatTarget(target)}.`,
              `rennet build ${project}`,
            );
          const { evidence, provenance, ledger, startedAt, endedAt, logLine } = attempt;
          const more = { evidence, provenance, ledger, startedAt, endedAt, logLine };
          output.event('attempt', { ...attemptEvent(attempt), ...more });
          output.say(explain(attempt, options.all));
          return EXIT.success;
        } finally {
          await store.close();
        }
      }),
    );
}

/** The text of an attempt for people: outcome and sentence, how it ran, the ledger, where to look next. */
function explain(attempt: Attempt, all: boolean): string {
  const parts = [`${attempt.outcome ?? 'running'}: ${attempt.sentence}`];
  if (attempt.logLine) parts.push(`  log: ${attempt.logLine}`);
  const facts = [
    `attempt ${attempt.id}`,
    formatTarget(attempt),
    attempt.driver && `driver ${attempt.driver}`,
    attempt.reset && `reset ${attempt.reset}`,
    attempt.isolation && `isolation ${attempt.isolation}`,
  ];
  parts.push(`  ${facts.filter(Boolean).join(', ')}`);
  const timings = [...TIMED_STAGES, 'total' as const].flatMap((stage) => {
    const ms = attempt.timingsMs[stage];
    return ms === undefined ? [] : [`${stage} ${formatDuration(ms)}`];
  });
  if (timings.length > 0) parts.push(`  ${timings.join(', ')}`);
  parts.push(...explainCheck(attempt.evidence).map((line) => `  ${line}`));
  const tests = testReportOf(attempt.evidence);
  if (tests) parts.push(...explainTests(tests).map((line) => `  ${line}`));
  const source = sourceNote(attempt);
  if (source) parts.push(`  ${source.sentence}`);
  if (attempt.ledger.length > 0) parts.push('', ledgerText(attempt.ledger, all));
  if (attempt.log) parts.push('', `rennet log ${attempt.id} shows the log.`);
  return parts.join('\n');
}
