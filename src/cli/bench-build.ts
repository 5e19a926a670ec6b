import type { Command } from 'commander';
import { Option } from 'commander';
import { benchBuild, buildChart } from '../../bench/build.ts';
import { drawChart } from '../../bench/chart.ts';
import { findQemu } from '../machine/qemu/program.ts';
import { parseRuns, sayFigures, sayWithoutKvm, writeChart } from './figures.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

const DRIVERS = ['qemu', 'namespace'] as const;

interface BenchBuildOptions extends CommonOptions {
  readonly project: string;
  readonly runs: number;
  readonly driver: readonly (typeof DRIVERS)[number][];
  readonly svg?: string;
}

/** `rennet bench build`: a build from command to published. */
export function addBenchBuild(bench: Command): void {
  withCommonOptions(bench.command('build').description('a build from command to published'))
    .option('--project <project>', 'what to build', 'ftfy')
    .option('--runs <number>', 'runs of each driver', parseRuns, 5)
    .addOption(new Option('--driver <driver...>', 'drivers to measure').choices(DRIVERS).default(DRIVERS))
    .option('--svg <file>', 'where the chart goes (default: bench-build.svg in the state folder)')
    .action((options: BenchBuildOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const { runs, project, driver: drivers } = options;
        const progress = (doing: string, done: number) => output.progress({ doing, done, total: runs });
        const { figures, isolation } = await benchBuild(
          { project, state: state.root, drivers, runs },
          progress,
          signal,
        );
        const { version } = await findQemu(state);
        for (const prefix of [...drivers.map((driver) => `build.${driver}.`), 'plan.']) {
          const [, driver = ''] = prefix.split('.');
          const on = { isolation: isolation[driver] ?? 'none', qemu: driver === 'qemu' ? version : '' };
          sayFigures(
            figures.filter(({ name }) => name.startsWith(prefix)),
            on,
            output,
          );
        }
        const measured = {
          isolation: isolation['qemu'] ?? 'none',
          qemu: isolation['qemu'] === undefined ? '' : version,
        };
        if (drivers.includes('qemu')) await sayWithoutKvm(['build.qemu.wall'], measured, state, output);
        const chart = buildChart(figures, drivers, `${project}, ${runs} runs`);
        const draw = (on: string) => drawChart({ ...chart, subtitle: `${chart.subtitle}; ${on}` });
        await writeChart('bench-build', draw, measured, { ...context, path: options.svg });
        return EXIT.success;
      }),
    );
}
