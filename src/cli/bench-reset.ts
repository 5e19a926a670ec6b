import { Option } from 'commander';
import type { Command } from 'commander';
import { drawChart } from '../../bench/chart.ts';
import { benchReset, resetChart } from '../../bench/reset.ts';
import { benchImages } from './bench-images.ts';
import { type Measured, parseRuns, sayFigures, sayWithoutKvm, writeChart } from './figures.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

interface BenchResetOptions extends CommonOptions {
  readonly target?: string;
  readonly runs: number;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly svg?: string;
}

/** `rennet bench reset`: the ways to a clean guest, on the same job. */
export function addBenchReset(bench: Command): void {
  withCommonOptions(bench.command('reset').description('the ways to a clean guest: time, memory, disk'))
    .option('--target <target>', 'suite/architecture (default: the host)')
    .option('--runs <number>', 'runs of each way', parseRuns, 10)
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--svg <file>', 'where the chart goes (default: bench-reset.svg in the state folder)')
    .action((options: BenchResetOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const { build: image } = await benchImages(options.target, 'disk', context);
        const progress = (doing: string, done: number) => output.progress({ doing, done, total: options.runs });
        const wanted = { state, image, accelerator: options.accelerator, runs: options.runs };
        const { figures, isolation, machineVersion } = await benchReset(wanted, progress, signal);
        const measured: Measured = { isolation, qemu: machineVersion };
        sayFigures(figures, measured, output);
        await sayWithoutKvm(
          ['reset.memory.ready', 'reset.memory.teardown', 'boot.cold.ready'],
          measured,
          state,
          output,
        );
        const subtitle = `${options.runs} runs, ${image.target.suite}/${image.target.architecture} build image`;
        await writeChart('bench-reset', (on) => drawChart(resetChart(figures, `${subtitle}; ${on}`)), measured, {
          ...context,
          path: options.svg,
        });
        return EXIT.success;
      }),
    );
}
