import { readFile } from 'node:fs/promises';
import { childrenOf } from './aftermath.ts';

/** Clock ticks a second, in which /proc counts; the same on every Linux that Node runs on. */
const TICKS = 100;
const SAMPLE_MS = 50;

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

type Counts = Omit<Share, 'ratio'>;

/**
 * Counts from now on until `stop`, or until the guest below `own` (a process) is gone: it wants one processor all the time, beside those below
 * `others`. Fair is an equal part of what the guests took and nobody took, and no more than one processor: what else runs on the host is
 * nobody's fault.
 */
export function measureShare(own: number, others: readonly number[]): { stop: () => Promise<Share> } {
  const count = async (): Promise<Counts | undefined> => {
    const used = await secondsOf(own);
    const neighbours = await Promise.all(others.map(secondsOf));
    const idle = await idleSeconds();
    // Its last seconds are gone with it: only what was counted while it lived goes together.
    if (used === 0) return undefined;
    return { used, neighbours: neighbours.reduce((sum, it) => sum + it, 0), idle, wallSeconds: Date.now() / 1000 };
  };
  let last: Counts | undefined;
  const first = count();
  let counting = first.then(() => {});
  const timer = setInterval(() => {
    counting = counting.then(async () => {
      const now = await count();
      if (now !== undefined && now.used >= (last?.used ?? 0)) last = now;
    });
  }, SAMPLE_MS);
  return {
    async stop() {
      clearInterval(timer);
      await counting;
      const [from, to] = [await first, last];
      if (from === undefined || to === undefined) throw new Error('the guest was gone before anything was counted');
      const between = (name: keyof Counts): number => to[name] - from[name];
      const [used, neighbours, idle] = [between('used'), between('neighbours'), between('idle')];
      const wallSeconds = between('wallSeconds');
      const fair = Math.min(wallSeconds, (used + neighbours + idle) / (others.length + 1));
      return { used, neighbours, idle, wallSeconds, ratio: fair / used };
    },
  };
}

/** Of a process and all below it; 0 where there is none. */
async function secondsOf(root: number): Promise<number> {
  const stat = await readFile(`/proc/${root}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = stat === '' ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS;
  const below = await Promise.all((await childrenOf(root)).map(secondsOf));
  return below.reduce((sum, it) => sum + it, own);
}

async function idleSeconds(): Promise<number> {
  const [, idle, wait] = /^cpu +\d+ \d+ \d+ (\d+) (\d+)/.exec(await readFile('/proc/stat', 'utf8')) ?? [];
  return (Number(idle) + Number(wait)) / TICKS;
}
