import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CgroupTree, ownTrees } from './cgroup-place.ts';

const MIB = 1024 * 1024;
const FILES = {
  v2: { limit: 'memory.max', used: 'memory.current', cache: /^inactive_file (\d+)$/m },
  v1: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', cache: /^total_inactive_file (\d+)$/m },
} as const;

/** Memory that the control groups above us leave to this process and its guests, MiB; Infinity where they bound nothing. */
export async function memoryLeftByGroupsMiB(): Promise<number> {
  const trees = (await ownTrees()).filter((tree) => tree.version === 'v2' || tree.controllers.includes('memory'));
  return Math.min(Number.POSITIVE_INFINITY, ...(await Promise.all(trees.map(leftIn))));
}

async function leftIn({ version, top, own }: CgroupTree): Promise<number> {
  const { limit, used, cache } = FILES[version];
  let left = Number.POSITIVE_INFINITY;
  for (let folder = own; ; folder = dirname(folder)) {
    const [bound, taken, stat] = await Promise.all(
      [limit, used, 'memory.stat'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
    );
    // `max`, or a number of 2^63 in v1: none. What is cached of files and not in use is given back when somebody wants memory.
    const bytes = Number(bound === undefined || bound.trim() === '' ? Number.NaN : bound);
    if (bytes < Number.MAX_SAFE_INTEGER)
      left = Math.min(left, Math.max(0, bytes - Number(taken) + Number(cache.exec(stat ?? '')?.[1] ?? 0)));
    if (folder === top || folder === '/') return Math.floor(left / MIB);
  }
}
