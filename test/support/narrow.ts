import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** What bounds a running guest, by its control group. */
export interface Bounds {
  readonly bounds: readonly number[];
  readonly processes: readonly number[];
}

/** Reads what bounds the running guest of a group, and leaves it 32 MiB more than it has. */
export async function narrow(group: string): Promise<Bounds> {
  const number = (name: string): Promise<number> => readFile(join(group, name), 'utf8').then(Number, () => Number.NaN);
  const processes = (await readFile(join(group, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean).map(Number);
  const seen = {
    bounds: await Promise.all(['memory.max', 'memory.limit_in_bytes', 'pids.max'].map(number)),
    processes,
  };
  for (const [usage, bound] of [
    ['memory.current', 'memory.max'],
    ['memory.usage_in_bytes', 'memory.limit_in_bytes'],
  ] as const) {
    const used = await number(usage);
    if (!Number.isNaN(used)) await writeFile(join(group, bound), String(used + 32 * MIB));
  }
  return seen;
}
