import { readFile } from 'node:fs/promises';
import { descendants } from '../traces.ts';

/** Clock ticks a second, in which /proc counts; the same on every Linux that Node runs on. */
const TICKS = 100;
const SAMPLE_MS = 100;

/** What one guest got of the processors beside others, counted by the kernel. */
export interface Share {
  /** Seconds of processor that it used, that its neighbours used, and that nobody used. */
  readonly used: number;
  readonly neighbours: number;
  readonly idle: number;
  readonly wallSeconds: number;
  /** How many times its fair share of the time it took: its fair share of the processors by what it got of them. */
  readonly ratio: number;
}

/**
 * Counts from now on until `stop`: the guest below `own` (a process) that wants one processor all the time, beside those below `others`. Fair
 * is an equal part of what the guests took and nobody took, and no more than one processor: what else runs on the host is nobody's fault.
 */
export function measureShare(own: number, others: readonly number[]): { stop: () => Promise<Share> } {
  const began = Date.now();
  const first = idleSeconds();
  const seen = new Map<number, number>();
  const start = new Map<number, number>();
  const sample = async (): Promise<void> => {
    for (const root of [own, ...others]) {
      const used = await secondsOf(root);
      if (!start.has(root)) start.set(root, used);
      // One that has ended stays with what it had.
      if (used > 0) seen.set(root, used - (start.get(root) ?? 0));
    }
  };
  const sampling = sample();
  const timer = setInterval(() => void sample(), SAMPLE_MS);
  return {
    async stop() {
      clearInterval(timer);
      await sampling;
      const wallSeconds = (Date.now() - began) / 1000;
      const idle = (await idleSeconds()) - (await first);
      const used = seen.get(own) ?? 0;
      const neighbours = others.reduce((total, root) => total + (seen.get(root) ?? 0), 0);
      const fair = Math.min(wallSeconds, (used + neighbours + idle) / (others.length + 1));
      return { used, neighbours, idle, wallSeconds, ratio: fair / used };
    },
  };
}

/** Of a process and all below it. */
async function secondsOf(root: number): Promise<number> {
  let ticks = 0;
  for (const pid of [root, ...(await descendants(root))]) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (stat !== '') ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS;
}

async function idleSeconds(): Promise<number> {
  const [, idle, wait] = /^cpu +\d+ \d+ \d+ (\d+) (\d+)/.exec(await readFile('/proc/stat', 'utf8')) ?? [];
  return (Number(idle) + Number(wait)) / TICKS;
}
