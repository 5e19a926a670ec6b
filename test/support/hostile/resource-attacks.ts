import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { describeHost } from '../../../src/machine/qemu/host.ts';
import { machineState } from '../images.ts';
import { backend } from '../machine-scenarios.ts';
import { type Attack, type GuestCode, running } from './attack.ts';

const resources = (name: string, args: Readonly<Record<string, unknown>> = {}): GuestCode => ({
  module: 'resources',
  name,
  arguments: args,
});
/** As long as CI lets an attack run that would not end by itself. */
const SHORT = { wallMs: 4000, idleMs: 4000 };

/** Processes, memory, disk, processors, and the machine's own life. */
export const RESOURCE_ATTACKS: readonly Attack[] = [
  {
    does: 'forks until nothing is left',
    // The guest's kernel may end its first process for want of memory, and itself with it.
    safe: ['limit time', 'limit idle', 'power-off'],
    limits: SHORT,
    guest: resources('fork_bomb'),
    package: backend(
      "print('started', flush=True)\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    ),
  },
  {
    does: 'writes to all of its memory',
    safe: ['result', 'power-off', 'limit memory'],
    guest: resources('all_memory'),
    limits: { wallMs: 120_000, idleMs: 60_000 },
    judge: async ({ log }) => {
      const wrote = [...(await readFile(log, 'latin1')).matchAll(/^wrote (\d+) MiB$/gm)].at(-1)?.[1];
      // More than the template had touched, so that holes of it were filled.
      expect(Number(wrote)).toBeGreaterThan(100);
    },
  },
  {
    does: 'takes memory as package code until the kernel ends it',
    safe: ['limit memory', 'result'], // the latter where there are no control groups
    package: backend('held = []\nwhile True:\n    held.append(os.urandom(1 << 20))'),
    limits: { wallMs: 120_000, idleMs: 60_000, memoryMiB: 256 },
    judge: async ({ end, result }) => {
      if (end !== 'result') return;
      expect((await describeHost(machineState)).cgroups.version).toBe('none');
      expect(result).toMatchObject({ status: 'failed' });
    },
  },
  {
    does: 'fills every file system',
    safe: ['result', 'power-off', 'limit memory', 'limit idle'],
    guest: resources('fill_disks'),
    limits: { wallMs: 60_000, idleMs: 20_000 },
    judge: async ({ log }) => {
      const filled = (await readFile(log, 'latin1')).matchAll(/^filled (\d+) MiB$/gm);
      expect(Math.max(0, ...[...filled].map(([, mib]) => Number(mib)))).toBeGreaterThan(50);
    },
  },
  {
    does: 'fills the disk as package code',
    safe: ['result', 'limit memory'],
    package: backend(`
with open('/tmp/full' if os.access('/tmp', os.W_OK) else 'full', 'wb', buffering=0) as file:
    while True:
        file.write(b'x' * (1 << 20))`),
    limits: { wallMs: 120_000, idleMs: 60_000, memoryMiB: 256 },
    judge: ({ end, result }) => {
      if (end === 'result') expect(result).toMatchObject({ status: 'failed' });
    },
  },
  {
    does: 'makes tiny files, ten million if it is let',
    safe: ['result'],
    guest: resources('tiny_files'),
    limits: { wallMs: 180_000, idleMs: 60_000 },
    judge: ({ result }) => {
      const { error, files } = (result?.facts ?? {}) as { error?: string; files?: number };
      expect(error).toBe('ENOSPC');
      expect(files).toBeGreaterThan(10_000);
    },
  },
  {
    does: 'makes tiny files as package code, ten million if it is let',
    safe: ['limit time', 'limit idle', 'limit memory', 'power-off'],
    limits: SHORT,
    package: backend(
      "for number in range(10_000_000):\n    os.close(os.open('file%d' % number, os.O_CREAT | os.O_WRONLY))\nreturn wheel(wheel_directory)",
    ),
  },
  {
    does: 'runs its processor without end and says nothing',
    safe: ['limit idle'],
    limits: { idleMs: 2000 },
    guest: { module: 'protocol', name: 'busy' },
    fake: running(async () => {}),
    package: backend('while True:\n    pass'),
  },
  {
    does: 'takes its processor with the priority of real time',
    safe: ['limit idle', 'limit time'],
    limits: SHORT,
    guest: resources('halt_processor'),
  },
  {
    does: 'is silent',
    safe: ['limit idle'],
    limits: { idleMs: 2000 },
    guest: { module: 'protocol', name: 'silent' },
    fake: running(async () => {}),
    package: backend('time.sleep(3600)'),
  },
  {
    does: 'never ends, and says so all the time',
    safe: ['limit time'],
    limits: { wallMs: 3000, idleMs: 2000 },
    guest: { module: 'protocol', name: 'chatty' },
    package: backend("while True:\n    print('.', flush=True)\n    time.sleep(0.2)"),
  },
  {
    does: 'goes off early',
    safe: ['power-off'],
    guest: resources('power_off'),
    fake: running(async (guest) => guest.powerOff()),
  },
  { does: 'restarts', safe: ['power-off'], guest: resources('reboot') },
  { does: 'makes its kernel panic', safe: ['power-off'], guest: resources('panic', { seconds: -1 }) },
  {
    does: 'makes its kernel panic and stay',
    safe: ['limit idle'],
    limits: { idleMs: 3000 },
    guest: resources('panic', { seconds: 0 }),
  },
  {
    does: 'goes off each time that it is asked for its job',
    safe: ['infrastructure'],
    reset: 'overlay',
    guest: resources('power_off_at_hello'),
    long: true,
  },
  {
    does: 'restarts each time that it is asked for its job',
    safe: ['infrastructure'],
    reset: 'overlay',
    guest: resources('reboot_at_hello'),
    long: true,
  },
  { does: 'kills all processes that it has', safe: ['result'], guest: resources('kill_all') },
  {
    does: 'floods the console of its kernel',
    safe: ['result', 'limit idle', 'limit time'],
    limits: { wallMs: 30_000, idleMs: 30_000 },
    guest: resources('flood_console', { lines: 2000 }),
  },
];
