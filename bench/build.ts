import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { RennetError } from '../src/model/errors.ts';
import { TIMED_STAGES, type Timings } from '../src/model/outcome.ts';
import type { Chart } from './chart.ts';
import { type Figure, figureOf } from './figures.ts';

export interface BuildBench {
  readonly project: string;
  readonly state: string;
  readonly drivers: readonly ('qemu' | 'namespace')[];
  readonly runs: number;
}

const attemptEvent = z.object({
  event: z.literal('attempt'),
  outcome: z.string(),
  sentence: z.string(),
  isolation: z.string().optional(),
  timingsMs: z.record(z.string(), z.number()),
});

interface Sample {
  readonly wallMs: number;
  readonly timings: Timings;
  readonly isolation: string;
}

/**
 * Measures `rennet build --rebuild PROJECT` from command to published, as people run it: a process of its own each time, images and template
 * ready (one run that is not counted sees to that). Figures in milliseconds, whole runs first, then the stages.
 */
export async function benchBuild(
  bench: BuildBench,
  onRun: (doing: string, done: number) => void,
  signal: AbortSignal,
): Promise<{ figures: Figure[]; isolation: Readonly<Record<string, string>> }> {
  const figures: Figure[] = [];
  const isolation: Record<string, string> = {};
  for (const driver of bench.drivers) {
    onRun(`warming up the ${driver} driver`, 0);
    await runOnce(bench, driver, signal);
    const samples: Sample[] = [];
    while (samples.length < bench.runs) {
      onRun(`building ${bench.project} with the ${driver} driver`, samples.length);
      samples.push(await runOnce(bench, driver, signal));
    }
    figures.push(...figuresOf(driver, samples));
    isolation[driver] = [...new Set(samples.map((sample) => sample.isolation))].join(', ');
  }
  onRun('planning', 0);
  const plans: number[] = [];
  while (plans.length < bench.runs) plans.push(await planOnce(bench, signal));
  figures.push(figureOf('plan.warm.wall', 'ms', plans));
  return { figures, isolation };
}

function figuresOf(driver: string, samples: readonly Sample[]): Figure[] {
  const stages = TIMED_STAGES.filter((stage) => samples.some(({ timings }) => timings[stage] !== undefined));
  return [
    figureOf(
      `build.${driver}.wall`,
      'ms',
      samples.map(({ wallMs }) => wallMs),
    ),
    ...stages.map((stage) =>
      figureOf(
        `build.${driver}.${stage}`,
        'ms',
        samples.map(({ timings }) => timings[stage] ?? 0),
      ),
    ),
  ];
}

/** Where the time of a build goes: medians of the whole and of its stages. */
export function buildChart(figures: readonly Figure[], drivers: readonly string[], subtitle: string): Chart {
  const parts = ['wall', ...TIMED_STAGES.filter((stage) => figures.some(({ name }) => name.endsWith(`.${stage}`)))];
  const median = (driver: string, part: string): number | undefined =>
    figures.find(({ name }) => name === `build.${driver}.${part}`)?.median;
  return {
    title: 'A build from command to published, and its stages',
    subtitle,
    kind: 'bars',
    names: parts,
    unit: 'ms',
    series: drivers.map((driver) => ({ name: driver, values: parts.map((part) => median(driver, part)) })),
  };
}

async function runOnce({ project, state }: BuildBench, driver: string, signal: AbortSignal): Promise<Sample> {
  const start = performance.now();
  const args = ['build', project, '--rebuild', '--driver', driver, '--allow-unisolated', '--state', state, '--json'];
  const { stdout } = await rennet(args, signal);
  const wallMs = performance.now() - start;
  for (const line of stdout.split('\n')) {
    const attempt = line === '' ? undefined : attemptEvent.safeParse(JSON.parse(line));
    if (!attempt?.success) continue;
    const { outcome, sentence, timingsMs, isolation = '' } = attempt.data;
    if (outcome !== 'published') throw new RennetError('defect', `The measured build was not published: ${sentence}`);
    return { wallMs, timings: timingsMs, isolation };
  }
  throw new RennetError('defect', 'The measured build gave no attempt.');
}

async function planOnce({ project, state }: BuildBench, signal: AbortSignal): Promise<number> {
  const start = performance.now();
  await rennet(['plan', project, '--state', state, '--json'], signal);
  return performance.now() - start;
}

async function rennet(args: readonly string[], signal: AbortSignal) {
  const run = await execa(join(import.meta.dirname, '../rennet'), args, {
    cancelSignal: signal,
    forceKillAfterDelay: 20_000,
    reject: false,
    stdin: 'ignore',
  });
  signal.throwIfAborted();
  if (run.exitCode === 0) return run;
  throw new RennetError(
    'defect',
    `A measured command failed: rennet ${args.join(' ')}`,
    run.stderr.trim().split('\n').slice(-3).join(' '),
  );
}
