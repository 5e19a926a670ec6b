import type { Command } from 'commander';
import { identifyInGuest } from '../local-identity.ts';
import { type BuildOptions, checkBuildOptions, withBuildOptions } from './build-options.ts';
import { runBuilds } from './build-run.ts';
import { chooseTargets, withCommonOptions } from './options.ts';
import { runCommand } from './run-command.ts';
import { readWanting, wantedOfTarget, type WantingOptions, withWantingOptions } from './wanting.ts';

interface Options extends BuildOptions, WantingOptions {
  readonly forceOfficial: boolean;
  readonly rebuild: boolean;
}

/** `rennet build PROJECT[SPEC]… [-r FILE] [./PATH]`: plans, builds, checks, publishes; prints the lines to put into apt's sources. */
export function addBuild(program: Command): void {
  withBuildOptions(
    withCommonOptions(withWantingOptions(program.command('build').description('build, check and publish'))),
  )
    .option('--force-official', 'private build of what the suite provides; kept, never published', false)
    .option('--rebuild', 'build although it is published already', false)
    .action((names: string[], options: Options) =>
      runCommand(options, async (context) => {
        const startedAt = performance.now();
        checkBuildOptions(options, options.forceOfficial);
        const wanting = await readWanting(names, options, context);
        const { forceOfficial } = options;
        // Tests and source packages are made on the way; the same bytes stay the same package.
        const rebuild = options.rebuild || options.tests || options.source;
        const { output, signal } = context;
        const targets = await chooseTargets(options.target, signal);
        return runBuilds(
          {
            options,
            targets,
            ...(wanting.index && { index: wanting.index }),
            orderFor: (ports, openGuests) =>
              wantedOfTarget(
                wanting,
                { forceOfficial, rebuild },
                ports,
                (source) => identifyInGuest(source, ports, openGuests, signal),
                output.note,
              ),
          },
          context,
          startedAt,
        );
      }),
    );
}
