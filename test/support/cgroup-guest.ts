import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryLeftByGroupsMiB } from '../../src/machine/cgroup-memory.ts';
import { removeCgroupLeftovers } from '../../src/machine/cgroup-leftovers.ts';
import { createCgroup, type GuestCgroup } from '../../src/machine/cgroup.ts';

/*
 * Runs inside a guest whose kernel has control groups of version 2 (test/cgroup-v2.test.ts) and tells on the console what became of
 * groups there, a line for each scenario.
 */

const MIB = 1024 * 1024;
const [scenario = '', ...asked] = process.argv.slice(2);
const group = await createCgroup(`${process.pid}-1`, { memoryMiB: 48, processes: 20, cpus: 1 });
const folder = dirname(group.joinFiles[0] ?? '');
const tasks: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = { bounds, killed, shares };
const told: Record<string, unknown> = { leftMiB: await memoryLeftByGroupsMiB() };
if (group.version !== 'none') for (const task of asked) Object.assign(told, await tasks[task]?.());
await group.remove();
const isLeft = group.version !== 'none' && existsSync(folder);
const own = readFileSync('/proc/self/cgroup', 'utf8').trim().slice('0::'.length);
const [version, sentence] = [group.version, group.sentence];
process.stdout.write(`TOLD ${JSON.stringify({ scenario, version, sentence, own, isLeft, ...told })}\n`);

function read(place: string, name: string): string {
  return readFileSync(join(place, name), 'utf8').trim();
}

/** A process in the group, started as the jail's are: it joins before it runs anything. */
function start(joined: GuestCgroup, code: string) {
  const join_ = joined.joinFiles.map((file) => `echo $$ >${file}`).join('; ');
  return spawn('sh', ['-c', `${join_}; exec python3 -c "$1"`, 'sh', code], { stdio: 'ignore' });
}

/** One that takes more memory than it may is killed, and that is seen; one that stays within is not. */
async function bounds(): Promise<Record<string, unknown>> {
  const exits: unknown[] = [];
  for (const size of [8, 200]) {
    const child = start(group, `held = b'1' * ${size * MIB}`);
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    exits.push(code ?? signal);
  }
  const files = ['memory.max', 'pids.max', 'cpu.max'].map((name) => {
    try {
      return read(folder, name);
    } catch {
      return 'absent';
    }
  });
  return { files, exits, kills: await group.outOfMemoryKills() };
}

/** Share of the only processor that one process gets beside a group of eight. */
async function shares(): Promise<Record<string, unknown>> {
  const crowd = await createCgroup(`${process.pid}-2`, { memoryMiB: 200, processes: 20, cpus: 1 });
  const spin = 'while True: pass';
  const children = [start(group, spin), ...Array.from({ length: 8 }, () => start(crowd, spin))];
  const used = () =>
    [group, crowd].map(({ joinFiles: [file = ''] }) =>
      Number(/usage_usec (\d+)/.exec(read(dirname(file), 'cpu.stat'))?.[1]),
    );
  await sleep(4000); // all of them run
  const before = used();
  await sleep(6000);
  const [one = 0, many = 0] = used().map((value, index) => value - (before[index] ?? 0));
  await Promise.all([crowd.remove(), group.remove()]); // kills what is left in them
  for (const child of children) if (child.signalCode === null) await once(child, 'exit');
  return { share: one / (one + many), isCrowdLeft: existsSync(dirname(crowd.joinFiles[0] ?? '')) };
}

/**
 * The group of one that was killed is removed by the next start with what init took over of its guest, that of a living one stays, and so do
 * those who started it, in the group that they were moved into.
 */
async function killed(): Promise<Record<string, unknown>> {
  const orphan = (name: string): string =>
    `mkdir ${name}; sh -c 'echo $$ >${name}/cgroup.procs; exec sleep 600' & until read _ <${name}/cgroup.procs; do :; done`;
  const names = ['$$-1', '$$-0'].map((name) => `${dirname(folder)}/rennet-${name}`);
  // Double quotes around the names: the inner shell is to see the outer one's id.
  const script = names.map((name) => `name="${name}"; export name; ${orphan('$name')}`).join('; ');
  const child = spawn('sh', ['-c', `${script}; kill -9 $$`], { stdio: 'ignore' });
  await once(child, 'exit');
  const [theirs = '', starters = ''] = names.map((name) => name.replace('$$', String(child.pid)));
  const inside = [theirs, starters].map((place) => read(place, 'cgroup.procs'));
  const [wasThere, before] = [existsSync(theirs), existsSync(folder)];
  await removeCgroupLeftovers();
  const alive = inside.map((pid) => existsSync(`/proc/${pid}`));
  process.kill(Number(inside[1]), 'SIGKILL');
  while (existsSync(`/proc/${inside[1]}`) && read(starters, 'cgroup.procs') !== '') await sleep(5);
  await removeCgroupLeftovers();
  return { wasThere, isThere: existsSync(theirs), alive, ours: before && existsSync(folder) };
}
