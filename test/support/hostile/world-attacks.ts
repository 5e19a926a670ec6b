import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { expect } from 'vitest';
import type { GuestReport } from '../../../src/model/machine.ts';
import { backend } from '../machine-scenarios.ts';
import { type Attack, type GuestCode, running } from './attack.ts';

const world = (name: string, args: Readonly<Record<string, unknown>> = {}): GuestCode => ({
  module: 'world',
  name,
  arguments: args,
});
const machine = (name: string, args: Readonly<Record<string, unknown>> = {}): GuestCode => ({
  module: 'machine',
  name,
  arguments: args,
});
const ring0 = (name: string, args: Readonly<Record<string, unknown>> = {}): GuestCode => ({
  module: 'ring0',
  name,
  arguments: args,
});
/** Its own code ran: what goes wrong before that is told by the log. */
const staysWithoutError = async ({ log }: GuestReport): Promise<void> =>
  expect(await readFile(log, 'latin1')).toBe('started\n');

/** Something of the host that would answer on all its addresses; the sweep must not find it. */
export async function listenOnHost(): Promise<{ port: number; seen: () => number; close: () => Promise<void> }> {
  let seen = 0;
  const server = createServer((socket) => {
    seen += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen: () => seen,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const NOTHING_REACHED = { reached: [], families: [], interfaces: ['dummy0', 'lo'] };
const sweep = (port: number): string => `
import socket
reached = []
for address in ('127.0.0.1', '10.0.2.2', '169.254.169.254', '192.0.2.1', '1.1.1.1'):
    for port in (22, 80, ${port}):
        with socket.socket() as attempt:
            attempt.settimeout(0.2)
            if attempt.connect_ex((address, port)) == 0:
                reached.append('%s:%d' % (address, port))
for address in (b'\\0rennet', '/run/dbus/system_bus_socket'):
    with socket.socket(socket.AF_UNIX) as attempt:
        if attempt.connect_ex(address) == 0:
            reached.append(repr(address))
raise RuntimeError('reached %s' % reached)`;

/** What lies outside of a guest: clock, network, disks, and the machine's own devices. `port`: where a server of the host listens. */
export const worldAttacks = (port: number): readonly Attack[] => [
  // The kernel takes no time before its own start.
  ...([86_400, 2 ** 31 + 1000] as const).map(
    (seconds): Attack => ({
      does: `sets its clock to ${new Date(seconds * 1000).getUTCFullYear()} after it was accepted`,
      safe: ['result'],
      guest: world('set_clock', { seconds }),
      judge: ({ result }) =>
        expect(Math.abs(Number((result?.facts as { clock: number } | undefined)?.clock) - seconds)).toBeLessThan(60),
    }),
  ),
  {
    does: 'sweeps the network for anything that answers',
    safe: ['result'],
    guest: world('network_sweep', { ports: [22, 80, 5432, port] }),
    package: backend(sweep(port)),
    judge: ({ result, driver }) => {
      if (driver === 'qemu') expect(result?.facts).toEqual(NOTHING_REACHED);
      else expect(result).toMatchObject({ status: 'failed', facts: { message: 'RuntimeError: reached []' } });
    },
  },
  {
    does: 'writes to base and input disk through its kernel, their read-only mark taken off',
    safe: ['result'],
    guest: world('write_disks'),
    judge: ({ result }) => {
      const { base, ...disks } = (result?.facts ?? {}) as Record<string, string[]> & { base: string };
      expect(Object.keys(disks)).toEqual(['vda', 'vdb']);
      for (const tries of Object.values(disks)) {
        expect(tries).toEqual(expect.arrayContaining([expect.stringMatching(/^write E/)]));
        expect(tries).not.toContain('written');
      }
      expect(base).toMatch(/^E/);
    },
  },
  {
    does: 'writes to base and input disk with requests of its own making, past its kernel',
    safe: ['result'],
    guest: machine('write_disks_raw'),
    judge: ({ result }) => {
      const disks = Object.values(result?.facts as Record<string, Record<string, number>>);
      expect(disks).toHaveLength(2);
      // Reads are answered, so the requests were well made; OUT (1), DISCARD (b), WRITE_ZEROES (d) and SECURE_ERASE (e) are not.
      for (const disk of disks) {
        expect(disk['0']).toBe(0);
        for (const request of ['1', 'b', 'd', 'e']) expect(disk[request]).toBeGreaterThan(0);
      }
    },
  },
  {
    does: 'pokes the registers of all 24 virtio slots, its own channels included',
    // It comes back with what it found; a device of which QEMU says that it is broken may end it otherwise.
    safe: ['result', 'power-off', 'limit idle'],
    guest: machine('poke_slots', { seed: 1 }),
    judge: ({ end, result }) => {
      if (end === 'result') expect(result?.facts).toEqual({ devices: [2, 2, 3, 4] });
    },
  },
  ...[2, 3, 4, 5, 6, 7, 8, 9].map(
    (seed): Attack => ({
      does: `pokes the registers of all 24 virtio slots (seed ${seed})`,
      safe: ['result', 'power-off', 'limit idle', 'limit memory'],
      guest: machine('poke_slots', { seed }),
      long: true,
    }),
  ),
  {
    does: 'reads and writes every port below 4096, and those of QEMU above',
    safe: ['result', 'power-off', 'limit idle'],
    guest: machine('poke_ports', { seed: 1, end: 0x1000 }),
  },
  {
    does: 'reads and writes every port',
    safe: ['result', 'power-off', 'limit idle'],
    guest: machine('poke_ports', { seed: 1, end: 0x10000 }),
    limits: { wallMs: 180_000, idleMs: 180_000 },
    long: true,
  },
  ...(
    [
      ['rest', ['limit idle'], 5000],
      ['fault', ['power-off'], 60_000],
      ['machine', ['power-off', 'limit idle'], 5000],
    ] as const
  ).map(
    ([end, safe, idleMs]): Attack => ({
      does: `runs code of its own in ring 0, noise to interrupt controllers and model-specific registers, then: ${end}`,
      safe,
      limits: { idleMs, wallMs: 120_000 },
      guest: ring0('noise', { seed: 1, end }),
      judge: staysWithoutError,
    }),
  ),
  ...[2, 3, 4, 5, 6, 7, 8, 9].map(
    (seed): Attack => ({
      does: `runs code of its own in ring 0 (seed ${seed})`,
      safe: ['power-off', 'limit idle', 'limit memory'],
      limits: { idleMs: 5000 },
      guest: ring0('noise', { seed, end: 'machine' }),
      judge: staysWithoutError,
      long: true,
    }),
  ),
  {
    does: 'writes over the edge of the serial line, where an assertion of QEMU fails',
    safe: ['power-off'],
    guest: machine('abort_serial'),
  },
  {
    does: 'asks for 3 GB of random bytes in one request',
    // QEMU holds what a request asks for; 64 KiB at a time are given.
    safe: ['result'],
    guest: machine('ask_for_randomness', { size: 3_000_000_000 }),
  },
  {
    does: 'gives disks and random source descriptors that point nowhere, at registers and at themselves',
    safe: ['result', 'power-off', 'limit memory', 'limit idle'],
    guest: machine('crafted_descriptors', { seed: 1, rounds: 4 }),
  },
  ...[2, 3, 4, 5].map(
    (seed): Attack => ({
      does: `gives devices forty rounds of crafted descriptors (seed ${seed})`,
      safe: ['result', 'power-off', 'limit memory', 'limit idle'],
      guest: machine('crafted_descriptors', { seed, rounds: 40 }),
      // Each request that is not answered is waited for: half a minute and more in all.
      limits: { wallMs: 180_000, idleMs: 180_000 },
      long: true,
    }),
  ),
  {
    does: 'is stopped from outside (SIGSTOP of QEMU)',
    safe: ['limit idle'],
    limits: { idleMs: 3000 },
    guest: { module: 'protocol', name: 'chatty' },
    whenReady: (pids) => pids.forEach((pid) => process.kill(pid, 'SIGSTOP')),
  },
  {
    does: 'is killed from outside (SIGKILL of QEMU)',
    safe: ['power-off'],
    guest: { module: 'protocol', name: 'chatty' },
    whenReady: (pids) => pids.forEach((pid) => process.kill(pid, 'SIGKILL')),
  },
  ...[0, 1, 2, 3, 4].map(
    (number): Attack => ({
      does: `gives its result in the moment in which its time is over (${number * 5 - 10} ms)`,
      safe: ['result', 'limit time'],
      limits: { wallMs: 1000 },
      // The moment itself is looked for in sequences.ts.
      ...(number === 2 ? { guest: { module: 'protocol', name: 'at_the_last_moment', arguments: { seconds: 1 } } } : {}),
      fake: running(async (guest) => {
        await new Promise((resolve) => setTimeout(resolve, 990 + number * 5));
        await guest.result();
      }),
    }),
  ),
];
