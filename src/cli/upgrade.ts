import type { Command } from 'commander';
import { formatTarget } from '../model/target.ts';
import { planUpgrade } from '../upgrade.ts';
import { type BuildOptions, checkBuildOptions, withBuildOptions } from './build-options.ts';
import { runBuilds } from './build-run.ts';
import { chooseTargets, withCommonOptions } from './options.ts';
import { formatPlan, planEvent } from './plan.ts';
import { parseProjectName } from './project-argument.ts';
import { runCommand } from './run-command.ts';

interface Options extends BuildOptions {
  readonly indexUrl?: string;
  readonly dryRun: boolean;
}

/** `rennet upgrade [PROJECT…]`: builds newer releases of what is published, where they fit. */
export function addUpgrade(program: Command): void {
  withBuildOptions(
    withCommonOptions(
      program
        .command('upgrade')
        .description('build newer releases of what is published')
        .argument('[project...]', 'PROJECT (default: all that is published)'),
    ),
  )
    .option('--index-url <address>', "the index to use instead of pip's; its login may stand in ~/.netrc")
    .option('--dry-run', 'say what would be built, and what holds newer releases back', false)
    .action((names: string[], options: Options) =>
      runCommand(options, async (context) => {
        const startedAt = performance.now();
        checkBuildOptions(options, options.dryRun);
        const named = names.map(parseProjectName);
        const { output, signal } = context;
        const { indexUrl } = options;
        return runBuilds(
          {
            options,
            targets: await chooseTargets(options.target, signal),
            ...(indexUrl !== undefined && { index: { url: indexUrl, place: '--index-url' } }),
            orderFor: async (ports) => {
              const target = formatTarget(ports.archive.facts);
              const { requests, plans, kept } = await planUpgrade(named, ports, signal);
              for (const { because, ...fields } of kept) {
                output.event('kept', { target, because, ...fields });
                if (because === 'newest') output.note(fields.sentence);
                else output.say(fields.sentence);
              }
              if (requests.length === 0) output.say(`Nothing is to be built for ${target}.`);
              if (!options.dryRun) return { requests, ports };
              for (const plan of plans) {
                output.event('plan', planEvent(plan));
                output.say(formatPlan(plan));
              }
              return { requests: [], ports };
            },
          },
          context,
          startedAt,
        );
      }),
    );
}
