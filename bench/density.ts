import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryOfTree } from '../src/host/process-memory.ts';
import { CHECK_LIMITS } from '../src/limits.ts';
import { createDriver } from '../src/machine/create.ts';
import { writeTrialInput } from '../src/machine/trial-job.ts';
import { RennetError } from '../src/model/errors.ts';
import type { GuestReport, Image, MachineDriver } from '../src/model/machine.ts';
import { memoryForGuestsMiB } from '../src/machine/qemu/room.ts';
import type { StateFolder } from '../src/model/state.ts';
import type { Chart } from './chart.ts';
import { type Figure, figureOf } from './figures.ts';

export interface DensityBench {
  readonly state: StateFolder;
  /** The runtime image: the smallest guests. */
  readonly image: Image;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** How many guests at once, in turn; ascending. */
  readonly counts: readonly number[];
  readonly runs: number;
}

export interface DensityResult {
  readonly figures: readonly Figure[];
  /** Counts for which this host has no memory now, even for guests that idle. */
  readonly left: readonly number[];
  readonly isolation: string;
  readonly machineVersion: string;
}

interface Sample {
  /** Until the last one was ready, ms. */
  readonly allMs: number;
  readonly eachMs: readonly number[];
  /** Sum over all, MiB. */
  readonly pss: number;
  /** Of each, MiB. */
  readonly private: readonly number[];
  /** Of the template's pages, what each has mapped, MiB. */
  readonly shared: readonly number[];
}

/** What an idle clone may take at most for the bench to start it; measured: 27. */
const IDLE_MIB = 64;
/** The host keeps this, whatever is measured. */
const SPARE_MIB = 1024;
/** Clones finish what they do after their hello. */
const SETTLE_MS = 1000;

/**
 * Starts so many clones at once, holds them when they are ready, idle, and measures: time to ready of all and of each, memory of each. They never run a
 * job, so that the host's room for guests that touch all of their memory is passed on purpose (`overcommit`).
 */
export async function benchDensity(
  bench: DensityBench,
  onRun: (doing: string) => void,
  signal: AbortSignal,
): Promise<DensityResult> {
  const { state, image, accelerator } = bench;
  const folder = await mkdtemp(join(state.run, 'bench-'));
  const driver = createDriver('qemu', { state, accelerator, overcommit: true });
  try {
    await writeTrialInput(join(folder, 'input'));
    onRun('warming up');
    await driver.prepare({ image, reset: 'memory', limits: CHECK_LIMITS }, signal);
    let last = (await holdSome(bench, driver, 1, folder, signal)).report;
    const samples = new Map<number, Sample[]>();
    const left: number[] = [];
    for (const count of bench.counts) {
      if ((await memoryForGuestsMiB()) < count * IDLE_MIB + SPARE_MIB) {
        left.push(count);
        continue;
      }
      const taken: Sample[] = [];
      for (let run = 1; run <= bench.runs; run++) {
        onRun(`${count} clones at once, run ${run} of ${bench.runs}`);
        const { sample, report } = await holdSome(bench, driver, count, folder, signal);
        taken.push(sample);
        last = report;
      }
      samples.set(count, taken);
    }
    return { figures: figuresOf(samples), left, isolation: last.isolation, machineVersion: last.machineVersion };
  } finally {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts them, measures them when all are ready, and destroys them. */
async function holdSome(
  { image }: DensityBench,
  driver: MachineDriver,
  count: number,
  folder: string,
  signal: AbortSignal,
): Promise<{ sample: Sample; report: GuestReport }> {
  const place = await mkdtemp(join(folder, 'held-'));
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const forever = new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  const started = performance.now();
  const guests = Array.from({ length: count }, async (_, number) => {
    const spool = await mkdtemp(join(place, `${number}-`));
    const ready = Promise.withResolvers<{ pid: number; ms: number }>();
    const onReady = (pid: number): Promise<void> => {
      ready.resolve({ pid, ms: performance.now() - started });
      return forever;
    };
    const job = {
      id: `density-${number}`,
      image,
      reset: 'memory',
      input: join(folder, 'input'),
      spool,
      limits: CHECK_LIMITS,
      onReady,
    } as const;
    const report = driver.run(job, ended);
    report.then(
      ({ sentence }) => ready.reject(new RennetError('defect', `A clone never got ready: ${sentence}`)),
      (error: Error) => ready.reject(error),
    );
    return { ready: await ready.promise, report };
  });
  try {
    const all = await Promise.all(guests);
    const eachMs = all.map(({ ready }) => ready.ms);
    await sleep(SETTLE_MS, undefined, { signal });
    const memories = await Promise.all(all.map(({ ready }) => memoryOfTree(ready.pid)));
    stop.abort();
    const reports = await Promise.all(all.map(({ report }) => report));
    const [report] = reports;
    if (report === undefined || reports.some(({ reset }) => reset !== 'memory'))
      throw new RennetError('defect', 'A measured guest was no clone; rennet template list tells what is there.');
    return {
      sample: {
        allMs: Math.max(...eachMs),
        eachMs,
        pss: memories.reduce((sum, { pssMiB }) => sum + pssMiB, 0),
        private: memories.map(({ privateMiB }) => privateMiB),
        shared: memories.map(({ residentMiB, privateMiB }) => residentMiB - privateMiB),
      },
      report,
    };
  } finally {
    // Whatever ended it, none is left running.
    stop.abort();
    for (const guest of await Promise.allSettled(guests))
      if (guest.status === 'fulfilled') await guest.value.report.catch(() => {});
    await rm(place, { recursive: true, force: true });
  }
}

function figuresOf(samples: ReadonlyMap<number, readonly Sample[]>): Figure[] {
  const figures: Figure[] = [];
  for (const [count, taken] of samples) {
    const of = (name: string, unit: string, values: readonly number[]) =>
      figures.push(figureOf(`density.${count}.${name}`, unit, values));
    of(
      'ready',
      'ms',
      taken.map(({ allMs }) => allMs),
    );
    of(
      'each',
      'ms',
      taken.flatMap(({ eachMs }) => eachMs),
    );
    of(
      'pss',
      'MiB',
      taken.map(({ pss }) => pss / count),
    );
    of(
      'private',
      'MiB',
      taken.flatMap((sample) => sample.private),
    );
    of(
      'shared',
      'MiB',
      taken.flatMap((sample) => sample.shared),
    );
  }
  const [one, ...more] = [...samples];
  const most = more.at(-1);
  if (one !== undefined && most !== undefined) {
    // What one more takes, shared pages counted once: the sums of many and of few differ by just that.
    const few = figureOf(
      '',
      '',
      one[1].map(({ pss }) => pss),
    ).median;
    const marginal = most[1].map(({ pss }) => (pss - few) / (most[0] - one[0]));
    figures.push(figureOf('density.pssPerClone', 'MiB', marginal));
  }
  return figures;
}

/** Time to ready over the number of clones. */
export function densityChart(figures: readonly Figure[], subtitle: string): Chart {
  const counts = figures.flatMap(({ name }) => /^density\.(\d+)\.ready$/.exec(name)?.[1] ?? []);
  const median = (name: string) => figures.find((figure) => figure.name === name)?.median;
  return {
    title: 'From one command to so many clones that are ready',
    subtitle,
    kind: 'lines',
    names: counts,
    unit: 'ms (logarithmic)',
    logarithmic: true,
    series: [
      { name: 'all of them ready', values: counts.map((count) => median(`density.${count}.ready`)) },
      { name: 'each of them, median', values: counts.map((count) => median(`density.${count}.each`)) },
    ],
  };
}
