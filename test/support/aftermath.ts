import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { closeBench, openApt, openBench } from '../publish-bench.ts';
import type { RunningCommand } from './command.ts';
import type { DemoState } from './demo-state.ts';
import { commandOf, descendants, isAlive, leftovers } from './traces.ts';

/** What apt on a user's machine sees of the archive at this moment: a real update without a warning, then the names. */
export async function aptNames(demo: DemoState): Promise<string[]> {
  const bench = await openBench();
  try {
    const apt = await openApt({ ...bench, state: demo.state });
    expect(await apt.update()).not.toMatch(/^[WEN]: /m);
    return await apt.names();
  } finally {
    await closeBench(bench);
  }
}

/** Nothing that belongs to one run of `rennet` lies anywhere; `pid` was its process. */
export async function expectNoTraces(demo: DemoState, pid: number): Promise<void> {
  expect((await readdir(demo.state.attempts)).filter((name) => name.endsWith('.work'))).toEqual([]);
  expect(await readdir(demo.temporary)).toEqual([]);
  expect(await readdir(join(demo.state.cache, 'partial')).catch(() => [])).toEqual([]);
  expect(await readdir(join(demo.state.memory, 'slots')).catch(() => [])).toEqual([]);
  const archive = await readdir(demo.state.archive, { recursive: true });
  expect(archive.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  expect((await readdir(demo.state.blobs)).filter((name) => name.startsWith('tmp-'))).toEqual([]);
  const { mounts, cgroups } = await leftovers(pid, demo.state.root);
  expect({ mounts, cgroups }).toEqual({ mounts: [], cgroups: [] });
}

/** A few seconds are allowed: gpg's agent looks for its parent from time to time. */
export async function allGone(family: ReadonlySet<number>): Promise<void> {
  const alive = async () => {
    const states = await Promise.all([...family].map(async (pid) => [pid, await isAlive(pid)] as const));
    return states.filter(([, lives]) => lives).map(([pid]) => pid);
  };
  await until(async () => (await alive()).length === 0).catch(async () => {
    expect(await Promise.all((await alive()).map(commandOf))).toEqual([]);
  });
}

/** What the children of a command were started as. */
export async function commandLines({ child }: RunningCommand): Promise<string[]> {
  const pids = [...(await descendants(child.pid))];
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
}

export async function until(holds: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + deadlineMs; !(await holds()); await sleep(20))
    if (Date.now() > deadline) throw new Error('it never came true');
}
