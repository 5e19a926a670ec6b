import { readFile } from 'node:fs/promises';
import { familyOf } from './process-family.ts';

/** What a process and all that it started take of the host's memory, MiB (proc(5), `smaps_rollup`). */
export interface ProcessMemory {
  /** Own pages, and of shared ones the share that falls to it. */
  readonly pssMiB: number;
  /** Pages of its own: what would be free if it were gone. Pages of a template are not, even where nobody else maps them now. */
  readonly privateMiB: number;
  /** All pages that it maps, whoever else does. */
  readonly residentMiB: number;
}

/** Measures a living process with its children, their children and so on. What has ended meanwhile counts nothing. */
export async function memoryOfTree(pid: number): Promise<ProcessMemory> {
  const family = await familyOf(pid);
  const rollups = await Promise.all(family.map((it) => readFile(`/proc/${it}/smaps_rollup`, 'utf8').catch(() => '')));
  const all = rollups.map(readRollup);
  const sum = (part: keyof ProcessMemory): number => all.reduce((total, it) => total + it[part], 0);
  return { pssMiB: sum('pssMiB'), privateMiB: sum('privateMiB'), residentMiB: sum('residentMiB') };
}

/** Reads one `smaps_rollup`; an empty one (the process is gone, or another user's) is 0. Pure. */
export function readRollup(text: string): ProcessMemory {
  const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return {
    pssMiB: mib('Pss'),
    privateMiB: mib('Anonymous'),
    residentMiB: mib('Rss'),
  };
}
