import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BUILD_LIMITS } from '../src/limits.ts';
import { createDriver } from '../src/machine/create.ts';
import { RennetError } from '../src/model/errors.ts';
import type { Channel, DriverName, GuestReport, Image, MachineDriver } from '../src/model/machine.ts';
import type { StateFolder } from '../src/model/state.ts';
import type { Chart } from './chart.ts';
import { type Figure, figureOf } from './figures.ts';

export interface ChannelBench {
  readonly state: StateFolder;
  readonly image: Image;
  readonly driver: Exclude<DriverName, 'fake'>;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly runs: number;
}

const MIB = 1024 * 1024;
const LARGE_MIB = 128;
const SMALL_FILES = 300;
const CHANNELS: readonly Channel[] = ['folder', 'service'];

/** What each part of a job moves: bytes, or files. */
const AMOUNTS = { input: LARGE_MIB * MIB, requests: SMALL_FILES, output: LARGE_MIB * MIB };
type Part = keyof typeof AMOUNTS;
const facts = z.strictObject({
  input: z.literal(AMOUNTS.input),
  requests: z.literal(AMOUNTS.requests),
  output: z.literal(AMOUNTS.output),
});
/** Seconds. */
type Sample = Readonly<Record<Part, number>>;

/** What each part is called, its unit, and how much of the amount is one of it. */
const PARTS = {
  input: { figure: 'throughput', unit: 'MiB/s', one: MIB },
  output: { figure: 'output', unit: 'MiB/s', one: MIB },
  requests: { figure: 'requests', unit: '1/s', one: 1 },
} as const;

/**
 * Sends a large file, many small ones, and output through both channels of fresh guests, in turn. `channel.<c>.throughput`: a file that the
 * guest reads for the first time; `channel.<c>.output`: what the guest writes until the host has it all; `channel.<c>.requests`: small files
 * one after another (by the service, requests on one connection). The time is
 * that of the host between the guest's words of what it does now.
 */
export async function benchChannel(
  bench: ChannelBench,
  onRun: (doing: string, done: number) => void,
  signal: AbortSignal,
): Promise<{ figures: Figure[]; isolation: string; machineVersion: string }> {
  const folder = await mkdtemp(join(bench.state.run, 'bench-'));
  const driver = createDriver(bench.driver, { state: bench.state, accelerator: bench.accelerator });
  try {
    await writeInput(join(folder, 'input'));
    const samples = new Map<Channel, Sample[]>(CHANNELS.map((channel) => [channel, []]));
    let last: GuestReport | undefined;
    for (let run = -1; run < bench.runs; run += 1) {
      for (const channel of CHANNELS) {
        onRun(run < 0 ? `warming up ${channel}` : `measuring ${channel}`, Math.max(0, run));
        const { report, sample } = await runOnce(bench, driver, channel, folder, signal);
        if (run >= 0) samples.get(channel)?.push(sample);
        last = report;
      }
    }
    return {
      figures: figuresOf(samples),
      isolation: last?.isolation ?? '',
      machineVersion: last?.machineVersion ?? '',
    };
  } finally {
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeInput(input: string): Promise<void> {
  await mkdir(join(input, 'small'), { recursive: true });
  await writeFile(join(input, 'large'), Buffer.alloc(LARGE_MIB * MIB, 'rennet '));
  for (let number = 0; number < SMALL_FILES; number += 1) await writeFile(join(input, 'small', `${number}`), 'small\n');
  const job = { protocol: 1, id: 'bench', kind: 'measure', large: 'large', small: SMALL_FILES, outputMiB: LARGE_MIB };
  await writeFile(join(input, 'job.json'), JSON.stringify(job));
}

async function runOnce(
  { image, driver: name }: ChannelBench,
  driver: MachineDriver,
  channel: Channel,
  folder: string,
  signal: AbortSignal,
): Promise<{ report: GuestReport; sample: Sample }> {
  const spool = await mkdtemp(join(folder, 'spool-'));
  const reset = name === 'qemu' ? 'memory' : 'overlay';
  const times = new Map<string, number>();
  const report = await driver.run(
    {
      id: 'bench',
      image,
      reset,
      input: join(folder, 'input'),
      spool,
      limits: BUILD_LIMITS,
      channel,
      onPhase: (phase) => times.set(phase, performance.now()),
    },
    signal,
  );
  await rm(spool, { recursive: true });
  signal.throwIfAborted();
  if (!facts.safeParse(report.result?.facts).success) {
    const said = report.sentence === '' ? JSON.stringify(report.result?.facts) : report.sentence;
    throw new RennetError('defect', `The measured job did not do its work: ${said}`);
  }
  const between = (from: string, to: string): number => ((times.get(to) ?? 0) - (times.get(from) ?? 0)) / 1000;
  const sample = {
    input: between('input', 'requests'),
    requests: between('requests', 'output'),
    output: between('output', 'end'),
  };
  return { report, sample };
}

function figuresOf(samples: ReadonlyMap<Channel, readonly Sample[]>): Figure[] {
  const rates = (channel: Channel, name: Part): number[] =>
    (samples.get(channel) ?? []).map((sample) => AMOUNTS[name] / PARTS[name].one / sample[name]);
  return CHANNELS.flatMap((channel) =>
    (Object.keys(PARTS) as Part[]).map((name) =>
      figureOf(`channel.${channel}.${PARTS[name].figure}`, PARTS[name].unit, rates(channel, name)),
    ),
  );
}

/** Medians of what goes in and out. */
export function channelChart(figures: readonly Figure[], subtitle: string): Chart {
  const median = (channel: Channel, figure: string) =>
    figures.find(({ name }) => name === `channel.${channel}.${figure}`)?.median;
  return {
    title: 'Into a guest and out of it',
    subtitle,
    kind: 'bars',
    names: ['in', 'out'],
    unit: 'MiB/s',
    series: CHANNELS.map((channel) => ({
      name: channel,
      values: [median(channel, 'throughput'), median(channel, 'output')],
    })),
  };
}
