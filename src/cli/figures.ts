import { InvalidArgumentError } from 'commander';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { formatValue } from '../../bench/chart.ts';
import type { Figure } from '../../bench/figures.ts';
import { fileError } from '../host/files.ts';
import { knownKvmState } from '../machine/qemu/accelerator.ts';
import type { StateFolder } from '../model/state.ts';
import type { Output } from './output.ts';
import type { CommandContext } from './run-command.ts';
import { formatTable } from './table.ts';

/** What figures of guests were measured on. */
export interface Measured {
  /** `hardware`, `emulated` or `none`. */
  readonly isolation: string;
  /** Version of QEMU, or empty. */
  readonly qemu: string;
}

/** Says figures as a table for people and as `figure` events for programs. */
export function sayFigures(figures: readonly Figure[], measured: Measured, output: Output): void {
  const versions = { node: process.version, qemu: measured.qemu };
  const on = { accelerator: acceleratorOf(measured), isolation: measured.isolation, cpus: cpus().length, versions };
  for (const figure of figures) output.event('figure', { ...figure, ...on });
  const rows = figures.map(({ name, unit, n, ...values }) => [
    name,
    unit,
    ...[values.median, values.p95, values.min, values.max].map(formatValue),
    `${n}`,
  ]);
  output.say(formatTable(['figure', 'unit', 'median', 'p95', 'min', 'max', 'n'], rows, 'right'));
  output.say(describe(measured));
}

/**
 * Says which figures are wanting because this host has no KVM that works: they are `n/a`, with the reason, and nothing is guessed from those
 * of emulation.
 */
export async function sayWithoutKvm(
  names: readonly string[],
  { isolation }: Measured,
  state: StateFolder,
  output: Output,
): Promise<void> {
  if (isolation === 'hardware') return;
  const why = (await knownKvmState(state)).sentence;
  const nothing = { median: null, p95: null, min: null, max: null, n: 0 };
  for (const name of names) output.event('figure', { name, ...nothing, accelerator: 'kvm', cpus: cpus().length, why });
  output.say(`on KVM: n/a (${names.join(', ')}). ${why}`);
}

/** Writes a chart where the person said, else into the state folder, and says where it lies. RennetError `no-space`, `state-unwritable`. */
export async function writeChart(
  name: string,
  draw: (measuredOn: string) => string,
  measured: Measured,
  { state, output, path }: Pick<CommandContext, 'state' | 'output'> & { readonly path: string | undefined },
): Promise<void> {
  const file = path === undefined ? join(state.root, `${name}.svg`) : resolve(path);
  await writeFile(file, draw(describe(measured))).catch((error: unknown) => {
    throw fileError(error, file);
  });
  output.event('chart', { file });
  output.note(`The chart: ${file}`);
}

/** A whole number of runs, 1 to 1000, for commander. */
export function parseRuns(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 1000) return runs;
  throw new InvalidArgumentError('Give a whole number from 1 to 1000.');
}

function describe(measured: Measured): string {
  const processors = `${cpus().length} processors`;
  if (measured.qemu === '') return `no virtual machine, ${processors}`;
  return `${acceleratorOf(measured)}, ${processors}, QEMU ${measured.qemu.split(' ')[0] ?? ''}`;
}

function acceleratorOf({ isolation }: Measured): string {
  return { hardware: 'kvm', emulated: 'tcg' }[isolation] ?? 'none';
}
