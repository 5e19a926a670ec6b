import type { Command } from 'commander';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

export function addDoctor(program: Command): void {
  withCommonOptions(
    program.command('doctor').description('can this host run guests, with what; what is missing'),
  ).action((options: CommonOptions) => runCommand(options, async () => EXIT.success));
}
