import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { memoryOfTree } from '../src/host/process-memory.ts';
import { BUILD_LIMITS } from '../src/limits.ts';
import { createDriver } from '../src/machine/create.ts';
import { readTrial, writeTrialInput } from '../src/machine/trial-job.ts';
import { RennetError } from '../src/model/errors.ts';
import type { GuestReport, Image, MachineDriver, ResetStrategy } from '../src/model/machine.ts';
import type { StateFolder } from '../src/model/state.ts';
import type { Chart } from './chart.ts';
import { type Figure, figureOf } from './figures.ts';

/** A way to a clean guest; `warm` is `memory` with a guest that waits, restored and paused. */
export type Way = ResetStrategy | 'warm';
export const WAYS: readonly Way[] = ['warm', 'memory', 'overlay', 'delta', 'copy'];

export interface ResetBench {
  readonly state: StateFolder;
  readonly image: Image;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly runs: number;
}

interface Sample {
  readonly ready: number;
  readonly teardown: number;
  /** MiB: proportional share, and pages that are the guest's alone. */
  readonly pss: number;
  readonly private: number;
  /** MiB in the folder of the guest's slot, when it is ready. */
  readonly tmpfs: number;
}

const UNITS = { ready: 'ms', teardown: 'ms', pss: 'MiB', private: 'MiB', tmpfs: 'MiB' } as const;

/**
 * Runs the smallest build in a fresh guest, with each way to a clean guest in turn, so that what else the host does hits all alike.
 * `ready`: from the job's arrival to the guest's word that it is ready, input disk included; `boot.cold.ready` is that of `overlay`.
 */
export async function benchReset(
  bench: ResetBench,
  onRun: (doing: string, done: number) => void,
  signal: AbortSignal,
): Promise<{ figures: Figure[]; isolation: string; machineVersion: string }> {
  const folder = await mkdtemp(join(bench.state.run, 'bench-'));
  const drivers = {
    plain: createDriver('qemu', { state: bench.state, accelerator: bench.accelerator }),
    warm: createDriver('qemu', { state: bench.state, accelerator: bench.accelerator, warm: 1 }),
  };
  try {
    await writeTrialInput(join(folder, 'input'));
    const samples = new Map<Way, Sample[]>(WAYS.map((way) => [way, []]));
    let last: GuestReport | undefined;
    for (let run = -1; run < bench.runs; run += 1) {
      for (const way of WAYS) {
        onRun(run < 0 ? `warming up ${way}` : `resetting by ${way}`, Math.max(0, run));
        const driver = way === 'warm' ? drivers.warm : drivers.plain;
        // Guests of the pool get ready beforehand, as they do while a job runs.
        if (way === 'warm')
          await drivers.warm.prepare({ image: bench.image, reset: 'memory', limits: BUILD_LIMITS }, signal);
        const { sample, report } = await runOnce(bench, driver, way, folder, signal);
        if (run >= 0) samples.get(way)?.push(sample);
        last = report;
      }
    }
    return {
      figures: figuresOf(samples),
      isolation: last?.isolation ?? '',
      machineVersion: last?.machineVersion ?? '',
    };
  } finally {
    await Promise.all(Object.values(drivers).map((driver) => driver.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function runOnce(
  { state, image }: ResetBench,
  driver: MachineDriver,
  way: Way,
  folder: string,
  signal: AbortSignal,
): Promise<{ sample: Sample; report: GuestReport }> {
  const spool = await mkdtemp(join(folder, 'spool-'));
  const reset = way === 'warm' ? 'memory' : way;
  let measured: Promise<Pick<Sample, 'pss' | 'private' | 'tmpfs'>> | undefined;
  let ready = 0;
  const onReady = (pid: number): void => {
    ready = performance.now() - began;
    measured = measure(pid, join(state.memory, 'slots'));
  };
  const job = { id: 'bench', image, reset, input: join(folder, 'input'), spool, limits: BUILD_LIMITS, onReady };
  const began = performance.now();
  const report = await driver.run(job, signal);
  signal.throwIfAborted();
  if (report.reset !== reset || measured === undefined || (await readTrial(report)) === undefined)
    throw new RennetError('defect', `The measured job did not run by ${way}: ${report.sentence}`);
  await rm(spool, { recursive: true });
  return { sample: { ready, teardown: report.timingsMs.teardown, ...(await measured) }, report };
}

async function measure(pid: number, slots: string) {
  const [memory, tmpfs] = await Promise.all([memoryOfTree(pid), usedMiB(slots)]);
  return { pss: memory.pssMiB, private: memory.privateMiB, tmpfs };
}

/** What the files below a folder take; holes take nothing. */
async function usedMiB(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  return sizes.reduce((sum, size) => sum + (size?.blocks ?? 0) / 2048, 0);
}

function figuresOf(samples: ReadonlyMap<Way, readonly Sample[]>): Figure[] {
  const of = (way: Way, part: keyof Sample): number[] => (samples.get(way) ?? []).map((sample) => sample[part]);
  const figures = WAYS.flatMap((way) =>
    (Object.keys(UNITS) as (keyof Sample)[]).map((part) =>
      figureOf(`reset.${way}.${part}`, UNITS[part], of(way, part)),
    ),
  );
  const cold = figureOf('boot.cold.ready', 'ms', of('overlay', 'ready'));
  const clone = figureOf('reset.memory.ready', 'ms', of('memory', 'ready'));
  return [...figures, cold, figureOf('reset.memory.speedup', 'times', [cold.median / clone.median])];
}

/** Median and p95 of the times to ready. */
export function resetChart(figures: readonly Figure[], subtitle: string): Chart {
  const ready = WAYS.map((way) => figures.find(({ name }) => name === `reset.${way}.ready`));
  return {
    title: 'From a job to a clean guest that is ready for it',
    subtitle,
    kind: 'bars',
    names: WAYS,
    unit: 'ms (logarithmic)',
    logarithmic: true,
    series: [
      { name: 'median', values: ready.map((figure) => figure?.median) },
      { name: 'p95', values: ready.map((figure) => figure?.p95) },
    ],
  };
}
