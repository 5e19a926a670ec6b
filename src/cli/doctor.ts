import type { Command } from 'commander';
import { examineHost } from './examination.ts';
import type { Finding } from './finding.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

const MARKS = { good: 'ok  ', limited: '!   ', bad: 'FAIL' } as const;

/** `rennet doctor`: can this host run guests, with what, how fast; what is missing and the command that mends it. */
export function addDoctor(program: Command): void {
  withCommonOptions(
    program.command('doctor').description('can this host run guests, with what; what is missing and what mends it'),
  ).action((options: CommonOptions) =>
    runCommand(options, async ({ output, state, signal }) => {
      const findings: Finding[] = [];
      for await (const finding of examineHost(state, output.progress, signal)) {
        findings.push(finding);
        output.event('finding', { ...finding });
        output.say(`${MARKS[finding.state]}  ${finding.what.padEnd(24)} ${finding.sentence}`);
        if (finding.mend !== undefined) output.say(`      ${''.padEnd(24)} → ${finding.mend}`);
      }
      const bad = findings.filter(({ state: it }) => it === 'bad').length;
      output.say(bad === 0 ? 'This host can build.' : `This host cannot build yet: ${bad} to mend.`);
      return bad === 0 ? EXIT.success : EXIT.infrastructure;
    }),
  );
}
