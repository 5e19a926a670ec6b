import { MACHINE_MIB, INPUT_MIB, planCapacity } from '../src/machine/capacity.ts';
import type { Figure } from './figures.ts';

/** The paper's host: 48 processors, 256 GiB of memory, 40 guests of 5 GiB. */
const PAPER = { cpus: 48, memoryMiB: 256 * 1024, guests: 40, guestMiB: 5 * 1024 };
/** What the kernel and the system themselves take of it. */
const SYSTEM_MIB = 3 * 1024;

/** What the measured figures mean for the paper's host, each step of the sum in words. Pure. */
export function extrapolate(figures: readonly Figure[], cpus: number, templateMiB: number): string[] {
  const of = (name: string) => figures.find((figure) => figure.name === name)?.median;
  const availableMiB = PAPER.memoryMiB - SYSTEM_MIB;
  const needs = { cpus: 1, memoryMiB: PAPER.guestMiB, machineMiB: MACHINE_MIB, tmpfsMiB: INPUT_MIB };
  const plan = planCapacity(
    { cpus: PAPER.cpus, availableMiB, tmpfsMiB: PAPER.memoryMiB / 2 },
    needs,
    2 * PAPER.guestMiB,
  );
  const lines = [
    `The paper's host, ${PAPER.cpus} processors and ${PAPER.memoryMiB / 1024} GiB of which ${availableMiB / 1024} are available, planned, not measured:`,
    `  at worst, every guest touching all of its memory: ${plan.sentence}; ${plan.advised} by default.`,
  ];
  const one = of('density.pssPerClone');
  if (one !== undefined) {
    const idle = Math.round(PAPER.guests * one + templateMiB);
    lines.push(
      `  idle: ${PAPER.guests} clones x ${one.toFixed(1)} MiB (density.pssPerClone) + ${Math.round(templateMiB)} MiB of template, once = ${idle} MiB, ${((100 * idle) / PAPER.memoryMiB).toFixed(1)} % of the memory.`,
    );
  }
  const counts = figures.flatMap(({ name }) => /^density\.(\d+)\.ready$/.exec(name)?.[1] ?? []).map(Number);
  const most = counts.findLast((count) => count >= cpus);
  const all = most === undefined ? undefined : of(`density.${most}.ready`);
  if (most !== undefined && all !== undefined) {
    const each = (all * cpus) / most;
    lines.push(
      `  ready: ${most} clones took ${Math.round(all)} ms on ${cpus} processors, ${Math.round(each)} ms of a processor each; ` +
        `${PAPER.guests} x ${Math.round(each)} / ${PAPER.cpus} = ${Math.round((PAPER.guests * each) / PAPER.cpus)} ms on processors like these, if nothing but processors bounds it.`,
    );
  }
  return lines;
}
