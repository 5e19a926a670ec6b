import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { file, writeCpio } from '../src/image/cpio.ts';
import { writeInputDisk } from '../src/machine/qemu/input-disk.ts';
import { launch } from '../src/machine/qemu/launch.ts';
import { findQemu } from '../src/machine/qemu/program.ts';
import { reserveSlot } from '../src/machine/qemu/slot.ts';
import { machineState as state, testImages } from './support/images.ts';

// Control groups of version 2 as real hosts have them, whatever this host has: in a guest of ours, with its kernel and Node.

const project = join(import.meta.dirname, '..');
const PARTS = [
  'package.json',
  'src/machine/cgroup.ts',
  'src/machine/cgroup-place.ts',
  'src/machine/cgroup-leftovers.ts',
  'src/machine/cgroup-memory.ts',
  'src/host/process-family.ts',
  'test/support/cgroup-guest.ts',
  'test/support/cgroup-guest.sh',
];
const DEADLINE_MS = 900_000;
const AGENT = /^exec switch_root .*$/m;
/** In the place of the agent: mounts the input disk and runs our own script. */
const SCRIPT = `mount -t cgroup2 cgroup2 /root/sys/fs/cgroup
mkdir -p /root/rennet/in
for disk in /sys/block/vd* /root/sys/block/vd*; do
  [ "$(cat "$disk/serial" 2>/dev/null)" = rennet-in ] && mount -t squashfs -o ro "/root/dev/\${disk##*/}" /root/rennet/in
done
exec switch_root /root /bin/sh /rennet/in/test/support/cgroup-guest.sh </dev/console >/dev/console 2>&1`;

let folder = '';
let said = '';
let told: Record<string, unknown>[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-cgroup-v2-'));
  said = await runGuest();
  told = [...said.matchAll(/^TOLD (.*?)\r?$/gm)].map(([, json = '']) => JSON.parse(json) as Record<string, unknown>);
}, 1_200_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Gives what the guest said on its console. */
async function runGuest(): Promise<string> {
  const { signal } = new AbortController();
  const { build: image } = await testImages(['disk']);
  const input = join(folder, 'input');
  for (const part of PARTS) {
    await mkdir(dirname(join(input, part)), { recursive: true });
    await cp(join(project, part), join(input, part));
  }
  await copyFile(process.execPath, join(input, 'node'));
  const init = await readFile(join(project, 'guest/init'), 'utf8');
  expect(init).toMatch(AGENT);
  // The kernel unpacks one archive after the other; of two files with one name the later one stays.
  const initrd = join(folder, 'initrd');
  const ours = writeCpio([file('init', Buffer.from(init.replace(AGENT, () => SCRIPT)), 0o755)]);
  await writeFile(initrd, Buffer.concat([await readFile(image.initrd), ours]));
  const slot = await reserveSlot(state);
  try {
    const disk = await writeInputDisk(input, slot.folder, signal);
    const machine = await launch({
      shape: { architecture: 'amd64', accelerator: 'tcg', memoryMiB: 1024, cpus: 1 },
      files: { kernel: image.kernel, initrd, base: image.disk, input: disk },
      uid: slot.uid,
      kvmGroup: undefined,
      qemu: (await findQemu(state)).path,
      memory: { kind: 'own' },
    });
    let log = '';
    machine.streams.log.on('data', (bytes: Buffer) => {
      log += bytes.toString('utf8');
    });
    try {
      // Process 1 ends, and the kernel with it; one that hangs is ended, and what it said shows where.
      await Promise.race([machine.ended, sleep(DEADLINE_MS, undefined, { ref: false })]);
      await machine.destroy();
      return `${log}${log.includes('END') ? '' : machine.complaints()}`;
    } finally {
      await machine.destroy();
    }
  } finally {
    await slot.release();
  }
}

const of = (scenario: string): Record<string, unknown> => {
  const found = told.find((it) => it['scenario'] === scenario);
  expect(found, said).toBeDefined();
  return found ?? {};
};
const BOUNDS = { files: [String(48 * 1024 * 1024), '20', '200000 100000'], exits: [0, 'SIGKILL'], kills: 1 };
const NO_CPU = { ...BOUNDS, files: [...BOUNDS.files.slice(0, 2), 'absent'] };

test('all of it was told, and nothing is left of any group but the leaves that living processes would sit in', () => {
  expect(said).toMatch(/^END\r?$/m);
  expect(said).not.toMatch(/^FAILED/m);
  expect(told.filter(({ isLeft }) => isLeft)).toEqual([]);
  // Sorted by the script.
  expect([...said.matchAll(/^LEFT (.*?)\r?$/gm)].map(([, path]) => path?.replace(/\d+-0$/, 'PID-0'))).toEqual([
    './box.scope/rennet-PID-0',
    './user.slice/mine.scope/rennet-PID-0',
  ]);
});

test('root without systemd: at the top, with all three bounds', () => {
  expect(of('top')).toMatchObject({ version: 'v2', ...BOUNDS });
  expect(of('top')['sentence']).toBe('cgroup v2, memory, pids, cpu, below /sys/fs/cgroup');
});

test('one process has half of the processor beside a group of eight', () => {
  // A ninth where threads have shares, a half where groups have.
  expect(of('top')['share']).toBeGreaterThan(0.4);
  expect(of('top')['share']).toBeLessThan(0.6);
  expect(of('top')).toMatchObject({ isCrowdLeft: false });
});

test('the group of a killed process is removed by the next start, that of a living one stays', () => {
  expect(of('top')).toMatchObject({ wasThere: true, isThere: false, alive: [false, true], ours: true });
});

test('a container of which we are all: our own group is divided, and we sit in a leaf', () => {
  expect(of('container')).toMatchObject({ version: 'v2', ...BOUNDS });
  expect(of('container')['own']).toMatch(/^\/box\.scope\/rennet-\d+-0$/);
});

test('what a group above leaves of its memory is what guests may have', () => {
  expect(of('top')['leftMiB']).toBeNull(); // JSON has no Infinity
  expect(of('container')['leftMiB']).toBeGreaterThan(100);
  expect(of('container')['leftMiB']).toBeLessThan(400);
});

test("root in a session of systemd: below the next group that hands on, and nothing of systemd's is changed", () => {
  expect(of('session')).toMatchObject({ version: 'v2', own: '/user.slice/session.scope', ...NO_CPU });
  expect(of('session')['sentence']).toBe('cgroup v2, memory, pids, below /sys/fs/cgroup/user.slice');
});

test('a user in a session: none, and how to have one', () => {
  expect(of('user')).toMatchObject({ version: 'none' });
  expect(of('user')['sentence']).toMatch(/not ours to change; .*systemd-run --user --scope -p Delegate=yes rennet …$/);
});

test('a user with a scope of its own', () => {
  expect(of('delegated')).toMatchObject({ version: 'v2', ...NO_CPU });
  expect(of('delegated')['own']).toMatch(/^\/user\.slice\/mine\.scope\/rennet-\d+-0$/);
});

test('a user in a scope that systemd keeps, or with others in it: none, and the reason', () => {
  expect(of('kept')).toMatchObject({ version: 'none' });
  expect(of('kept')['sentence']).toContain("kept.scope is systemd's to divide");
  expect(of('shared')).toMatchObject({ version: 'none' });
  expect(of('shared')['sentence']).toContain('has other processes than ours in it');
});

test('groups that are mounted read-only: none, and the reason', () => {
  expect(of('readonly')).toMatchObject({ version: 'none' });
  expect(of('readonly')['sentence']).toMatch(/mounted read-only here .*, as in many containers$/);
});
