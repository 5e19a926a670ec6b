import { cpus } from 'node:os';
import type { Command } from 'commander';
import { benchBuild } from '../../bench/build.ts';
import { RennetError } from '../model/errors.ts';
import { addBenchCorpus } from './bench-corpus.ts';
import { addBenchDensity } from './bench-density.ts';
import { addBenchReset } from './bench-reset.ts';
import { type CommonOptions, withCommonOptions } from './options.ts';
import { EXIT, runCommand } from './run-command.ts';
import { formatTable } from './table.ts';

interface BenchBuildOptions extends CommonOptions {
  readonly project: string;
  readonly runs: string;
  readonly driver: readonly ('qemu' | 'namespace')[];
}

/** `rennet bench …`: measures what Rennet promises, on this host. */
export function addBench(program: Command): void {
  const bench = program.command('bench').description('measure what Rennet promises');
  addBenchCorpus(bench);
  addBenchReset(bench);
  addBenchDensity(bench);
  withCommonOptions(bench.command('build').description('a build from command to published'))
    .option('--project <project>', 'what to build', 'ftfy')
    .option('--runs <number>', 'runs of each driver', '5')
    .option('--driver <driver...>', 'drivers to measure', ['qemu', 'namespace'])
    .action((options: BenchBuildOptions) =>
      runCommand(options, async ({ output, state, signal }) => {
        const runs = Number(options.runs);
        if (!Number.isInteger(runs) || runs < 1 || runs > 1000)
          throw new RennetError('bad-usage', `--runs takes a whole number from 1 to 1000, not "${options.runs}".`);
        const wanted = { project: options.project, state: state.root, drivers: options.driver, runs };
        const progress = (doing: string, done: number) => output.progress({ doing, done, total: runs });
        const { figures, isolation, reset } = await benchBuild(wanted, progress, signal);
        const versions = { node: process.version };
        for (const figure of figures) {
          const driver = figure.name.split('.')[1] ?? '';
          const on = { accelerator: isolation[driver] === 'hardware' ? 'kvm' : driver === 'qemu' ? 'tcg' : 'none' };
          output.event('figure', {
            ...figure,
            ...on,
            isolation: isolation[driver],
            reset: reset[driver],
            cpus: cpus().length,
            versions,
          });
        }
        const ms = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Math.round(value)} ms`);
        const rows = figures.map((f) => [f.name, ms(f.median), ms(f.p95), ms(f.min), ms(f.max), `${f.n}`]);
        output.say(formatTable(['figure', 'median', 'p95', 'min', 'max', 'n'], rows, 'right'));
        output.say(
          `${cpus().length} processors, ${Object.entries(isolation)
            .map(([driver, kind]) => `${driver}: isolation ${kind}`)
            .join(', ')}`,
        );
        return EXIT.success;
      }),
    );
}
