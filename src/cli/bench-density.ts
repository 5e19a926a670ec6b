import { cpus } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { drawChart } from '../../bench/chart.ts';
import { benchDensity, densityChart } from '../../bench/density.ts';
import { extrapolate } from '../../bench/extrapolation.ts';
import { listTemplates } from '../machine/qemu/template.ts';
import { benchImages } from './bench-images.ts';
import { type Measured, parseRuns, sayFigures, sayWithoutKvm, writeChart } from './figures.ts';
import { capacityForBuilds } from './jobs.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';

interface BenchDensityOptions extends CommonOptions {
  readonly target?: string;
  readonly runs: number;
  readonly counts: readonly number[];
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly svg?: string;
}

/** `rennet bench density`: many clones at once. */
export function addBenchDensity(bench: Command): void {
  withCommonOptions(bench.command('density').description('many clones at once: time until they are ready, memory'))
    .option('--target <target>', 'suite/architecture (default: the host)')
    .option('--runs <number>', 'runs of each count', parseRuns, 3)
    .option('--counts <numbers>', 'how many at once, in turn', parseCounts, [1, 2, 4, 8, 16, 32, 64])
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--svg <file>', 'where the chart goes (default: bench-density.svg in the state folder)')
    .action((options: BenchDensityOptions) =>
      runCommand(options, async (context) => {
        const { output, state, signal } = context;
        const { runtime: image } = await benchImages(options.target, 'disk', context);
        const capacity = await capacityForBuilds({ driver: 'qemu', reset: 'memory', tests: false }, state);
        const { accelerator, counts, runs } = options;
        const onRun = (doing: string) => output.progress({ doing });
        const result = await benchDensity({ state, image, accelerator, counts, runs }, onRun, signal);
        const { figures, left } = result;
        const measured: Measured = { isolation: result.isolation, qemu: result.machineVersion };
        sayFigures(figures, measured, output);
        const unmeasured = ['density.pssPerClone', ...counts.map((count) => `density.${count}.ready`)];
        await sayWithoutKvm(unmeasured, measured, state, output);
        output.say(
          'ready: until all are; each: until one is; pss: with its share of what is shared; private: its own; shared: pages that others map too.',
        );
        output.say(`Clones that idle, beyond the plan for guests at work on purpose: ${capacity.sentence}.`);
        for (const count of left) {
          const why = `This host has no memory for ${count} now, even idle.`;
          const nothing = { median: null, p95: null, min: null, max: null, n: 0, cpus: cpus().length };
          output.event('figure', { name: `density.${count}.ready`, unit: 'ms', ...nothing, why });
          output.say(`density.${count}.ready: n/a. ${why}`);
        }
        const templates = await listTemplates(state);
        const usedBytes =
          templates.find(({ image: its, inMemory }) => its === image.digest && inMemory)?.usedBytes ?? 0;
        const lines = extrapolate(figures, cpus().length, usedBytes / 2 ** 20);
        output.event('extrapolation', { lines, templateMiB: Math.round(usedBytes / 2 ** 20) });
        for (const line of lines) output.say(line);
        if (figures.length > 0) {
          const subtitle = `${runs} runs, ${image.target.suite}/${image.target.architecture} runtime image`;
          const draw = (on: string) => drawChart(densityChart(figures, `${subtitle}; ${on}`));
          await writeChart('bench-density', draw, measured, { ...context, path: options.svg });
        }
        return EXIT.success;
      }),
    );
}

/** `1,2,4`: ascending, from 1 to 500, each once. */
function parseCounts(text: string): number[] {
  const counts = text.split(',').map(Number);
  const isGood = counts.every((it, index) => Number.isInteger(it) && it > (counts[index - 1] ?? 0) && it <= 500);
  if (isGood) return counts;
  throw new InvalidArgumentError('Give ascending whole numbers from 1 to 500, such as 1,2,4.');
}
