import { Option } from 'commander';
import type { Command } from 'commander';
import { drawChart } from '../../bench/chart.ts';
import { benchChannel, channelChart } from '../../bench/channel.ts';
import { benchImages } from './bench-images.ts';
import { type Measured, parseRuns, sayFigures, sayWithoutKvm, writeChart } from './figures.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

interface BenchChannelOptions extends CommonOptions {
  readonly target?: string;
  readonly runs: number;
  readonly driver: 'qemu' | 'namespace';
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly svg?: string;
}

/** `rennet bench channel`: what goes through both channels. */
export function addBenchChannel(bench: Command): void {
  withCommonOptions(
    bench
      .command('channel')
      .description('both channels of a guest: MiB/s in and out, small files or requests a second'),
  )
    .option('--target <target>', 'suite/architecture (default: the host)')
    .option('--runs <number>', 'guests of each channel', parseRuns, 10)
    .addOption(new Option('--driver <driver>', 'what the guests are').choices(['qemu', 'namespace']).default('qemu'))
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--svg <file>', 'where the chart goes (default: bench-channel.svg in the state folder)')
    .action((options: BenchChannelOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const { build: image } = await benchImages(
          options.target,
          options.driver === 'qemu' ? 'disk' : 'folder',
          context,
        );
        const progress = (doing: string, done: number) => output.progress({ doing, done, total: options.runs });
        const { driver, accelerator, runs } = options;
        const wanted = { state, image, driver, accelerator, runs };
        const { figures, isolation, machineVersion } = await benchChannel(wanted, progress, signal);
        const measured: Measured = { isolation, qemu: machineVersion };
        sayFigures(figures, measured, output);
        if (driver === 'qemu') {
          const unmeasured = figures.map(({ name }) => name);
          await sayWithoutKvm(unmeasured, measured, state, output);
        }
        const subtitle = `${options.runs} runs, ${image.target.suite}/${image.target.architecture} build image`;
        await writeChart('bench-channel', (on) => drawChart(channelChart(figures, `${subtitle}; ${on}`)), measured, {
          ...context,
          path: options.svg,
        });
        return EXIT.success;
      }),
    );
}
