import { childrenOf, readOfProcess } from './aftermath.ts';

/** Clock ticks a second, in which /proc counts; the same on every Linux that Node runs on. */
const TICKS = 100;
const SAMPLE_MS = 100;

/** What one guest got of the processors beside hostile ones, counted by the kernel. */
export interface Share {
  /** Seconds of processor that it used, that went to its neighbours, and that nobody used. */
  readonly used: number;
  readonly neighbours: number;
  /** Part of `neighbours`: this process itself. */
  readonly rennet: number;
  readonly idle: number;
  readonly wallSeconds: number;
  /** How many times its fair share of the time it took: its fair share of the processors by what it got of them. */
  readonly ratio: number;
}

type Counts = Omit<Share, 'ratio'>;

/**
 * Counts from now on until `stop`, or until the guest below `own` (a process) is gone: it wants one processor all the time, beside `hostile` others.
 * Fair is an equal part of what the guests took and nobody took, and no more than one processor: what else runs on the host is nobody's fault.
 * This process and all below it but the guest count as its neighbours: hearing floods, starting and ending guests is their doing.
 */
export function measureShare(own: number, hostile: number): { stop: () => Share } {
  /** By process, and kept when it has ended. */
  const others = new Map<number, number>();
  const look = (pid: number): void => {
    if (pid === own) return;
    others.set(pid, Math.max(others.get(pid) ?? 0, secondsOf(pid)));
    childrenOf(pid).forEach(look);
  };
  const count = (): Counts | undefined => {
    const used = secondsBelow(own);
    look(process.pid);
    const neighbours = [...others.values()].reduce((sum, it) => sum + it, 0);
    const rennet = others.get(process.pid) ?? 0;
    const idle = idleSeconds();
    // Its last seconds are gone with it: only what was counted while it lived goes together.
    return used === 0 ? undefined : { used, neighbours, rennet, idle, wallSeconds: Date.now() / 1000 };
  };
  const from = count();
  let to: Counts | undefined;
  const timer = setInterval(() => {
    const now = count();
    if (now !== undefined && now.used >= (to?.used ?? 0)) to = now;
  }, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      const [first, last] = [from, to];
      if (first === undefined || last === undefined) throw new Error('the guest was gone before anything was counted');
      const between = (name: keyof Counts): number => last[name] - first[name];
      const [used, neighbours, rennet] = [between('used'), between('neighbours'), between('rennet')];
      const [idle, wallSeconds] = [between('idle'), between('wallSeconds')];
      const fair = Math.min(wallSeconds, (used + neighbours + idle) / (hostile + 1));
      return { used, neighbours, rennet, idle, wallSeconds, ratio: fair / used };
    },
  };
}

/** Of one process; 0 where there is none. */
function secondsOf(pid: number): number {
  const stat = readOfProcess(`${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? 0 : (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function secondsBelow(root: number): number {
  return childrenOf(root).reduce((sum, child) => sum + secondsBelow(child), secondsOf(root));
}

function idleSeconds(): number {
  const [, idle, wait] = /^cpu +\d+ \d+ \d+ (\d+) (\d+)/.exec(readOfProcess('stat')) ?? [];
  return (Number(idle) + Number(wait)) / TICKS;
}
