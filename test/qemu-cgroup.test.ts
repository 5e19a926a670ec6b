import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createCgroup, type GuestCgroup } from '../src/machine/cgroup.ts';
import { createDriver } from '../src/machine/create.ts';
import { describeHost } from '../src/machine/qemu/host.ts';
import { GUEST_LIMITS as limits } from './support/guest-limits.ts';
import { machineState, testImages } from './support/images.ts';
import { backend } from './support/machine-scenarios.ts';
import { type Bounds, narrow } from './support/narrow.ts';
import { writeBuildInput } from './support/sdist.ts';
import { leftovers } from './support/traces.ts';

const MIB = 1024 * 1024;
/** Gives the test time to narrow the bound of the group, then writes to much of the guest's memory. */
const GROWS = backend(`
print('started', flush=True)
time.sleep(3)
held = [b'1' * 1_000_000 for number in range(400)]
return wheel(wheel_directory)`);

test('a guest has a control group with its bounds, ends as a memory limit when QEMU passes it, and leaves none', async () => {
  const { cgroups } = await describeHost(machineState);
  const folder = await mkdtemp(join(tmpdir(), 'rennet-cgroup-'));
  try {
    const [input, spool] = [join(folder, 'input'), join(folder, 'spool')];
    await mkdir(spool);
    await writeBuildInput(input, { backend: GROWS });
    const { build: image } = await testImages(['disk']);
    let seen: Promise<Bounds[]> | undefined;
    const onLog = (): void => {
      seen ??= leftovers().then((it) => Promise.all(it.cgroups.map(narrow)));
    };
    const driver = createDriver('qemu', { state: machineState, accelerator: 'tcg' });
    const job = { id: 'cgroup', image, reset: 'overlay', input, spool, limits, onLog } as const;
    const report = await driver.run(job, new AbortController().signal);
    const groups = (await seen) ?? [];
    // v1 has a tree for each controller; where none can be made, the doctor says so and nothing ends the guest.
    const trees = cgroups.sentence.includes(', cpu,') ? 3 : 2;
    expect(groups).toHaveLength({ v2: 1, v1: trees, none: 0 }[cgroups.version]);
    const bounds = groups.flatMap((it) => it.bounds).filter((it) => !Number.isNaN(it));
    if (cgroups.version === 'none') expect(report).toMatchObject({ end: 'result' });
    else {
      expect(bounds.toSorted((a, b) => a - b)).toEqual([129, (limits.memoryMiB + 384) * MIB]);
      for (const group of groups) expect(group.processes.length).toBeGreaterThan(0);
      expect(report).toMatchObject({ end: 'limit', limit: 'memory' });
    }
    expect((await leftovers()).cgroups).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Processor time of a process, clock ticks (proc(5)). */
async function ticks(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

test('a guest with many busy threads takes no more of a processor than one with a single thread', async () => {
  const bounds = { memoryMiB: 200, processes: 50, cpus: 1 };
  const groups = await Promise.all([1, 2].map((number) => createCgroup(`${process.pid}-${number}`, bounds)));
  const [one, many] = groups as [GuestCgroup, GuestCgroup];
  const [, cpu] = /^Cpus_allowed_list:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8')) ?? [];
  const spin = (group: GuestCgroup) =>
    spawn(
      'sh',
      [
        '-c',
        `for file; do echo $$ >"$file" || exit; done; exec taskset --cpu-list ${cpu} sh -c "while :; do :; done"`,
        'sh',
        ...group.joinFiles,
      ],
      { stdio: 'ignore' },
    );
  const children = [spin(one), ...Array.from({ length: 8 }, () => spin(many))];
  try {
    await sleep(1000);
    const before = await Promise.all(children.map(({ pid }) => ticks(pid)));
    await sleep(4000);
    const used = await Promise.all(children.map(async ({ pid }, index) => (await ticks(pid)) - (before[index] ?? 0)));
    const share = (used[0] ?? 0) / used.reduce((sum, it) => sum + it, 0);
    // A half where each group has its share, a ninth where each thread has.
    if (one.sentence.includes('cpu')) expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.65);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    for (const child of children) if (child.signalCode === null) await once(child, 'exit');
    await Promise.all(groups.map((group) => group.remove()));
  }
  expect((await leftovers()).cgroups).toEqual([]);
});
