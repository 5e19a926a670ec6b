import { expect, test } from 'vitest';
import type { JailFindings } from '../machine/qemu/jail-probe.ts';
import { jailLayers } from './jail-layers.ts';

const CAPABILITIES = { CapInh: 0, CapPrm: 0, CapEff: 0, CapBnd: 0, CapAmb: 0 };
const LIMITS = { 'core file size': '0', 'open files': '512', 'file size': '0', 'address space': '9' };
const spaces = (host: string): Record<string, string> =>
  Object.fromEntries(['net', 'mnt', 'pid', 'ipc', 'uts', 'user'].map((name) => [name, `${name}:[${host}]`]));
const INSIDE: Exclude<JailFindings['inside'], string> = {
  uid: 1_990_000_000,
  gid: 1_990_000_000,
  capabilities: CAPABILITIES,
  noNewPrivileges: true,
  filtered: true,
  becomesRoot: false,
  namespaces: { ...spaces('2'), user: 'user:[1]' },
  interfaces: ['lo'],
  processes: 2,
  root: ['base.ext4', 'dev', 'proc', 'usr'],
  writable: [],
  limits: LIMITS,
};
const WHOLE: JailFindings = {
  inside: INSIDE,
  outside: spaces('1'),
  slotUid: 1_990_000_000,
  sandbox: true,
  cgroup: { version: 'v1', sentence: 'cgroup v1, memory, pids, cpu, below /a' },
  unsealed: [],
};

/** Names of the layers that are off, with their reasons. */
function off(found: JailFindings): Record<string, string> {
  const findings = jailLayers(found);
  for (const { on, state, sentence } of findings) {
    expect(state).toBe(on === true ? 'good' : 'limited');
    expect(sentence.startsWith(on === true ? 'on: ' : 'off: ')).toBe(true);
  }
  return Object.fromEntries(
    findings.filter(({ on }) => on !== true).map((it) => [it.what.slice(6), it.sentence.slice(5)]),
  );
}
const inside = (changed: Partial<typeof INSIDE>): JailFindings => ({ ...WHOLE, inside: { ...INSIDE, ...changed } });

test('a whole jail has ten layers, all of them on', () => {
  expect(jailLayers(WHOLE)).toHaveLength(10);
  expect(off(WHOLE)).toEqual({});
});

test.each([
  ['own user', inside({ uid: 0, gid: 0 }), /QEMU is user 0$/],
  ['own user', inside({ becomesRoot: true }), /QEMU is user/],
  ['no capabilities', inside({ capabilities: { ...CAPABILITIES, CapEff: 4 } }), /QEMU holds some: CapEff/],
  ['no network', inside({ interfaces: ['lo', 'eth0'] }), /QEMU sees lo, eth0/],
  ['no network', inside({ namespaces: { ...INSIDE.namespaces, net: 'net:[1]' } }), /QEMU sees lo/],
  ['namespaces', inside({ namespaces: { ...INSIDE.namespaces, pid: 'pid:[1]' } }), /shared with the host: pid/],
  ['root file system', inside({ root: [...INSIDE.root, 'etc'] }), /more than QEMU needs: etc/],
  ['root file system', inside({ writable: ['/dev/shm'] }), /\/dev\/shm can be written/],
  ['rlimits', inside({ limits: { ...LIMITS, 'open files': 'unlimited' } }), /open files unlimited/],
  ['system calls', { ...WHOLE, sandbox: 'sandbox is not built in' }, /sandbox is not built in/],
  ['system calls', inside({ filtered: false }), /no filter of the jail/],
  ['system calls', { ...WHOLE, sandbox: false }, /the kernel shows none/],
  [
    'control group',
    { ...WHOLE, cgroup: { version: 'none', sentence: 'read-only here' } },
    /^read-only here; memory is/,
  ],
  ['sealed template', { ...WHOLE, unsealed: ['write'] }, /it can be changed: write/],
  ['sealed template', { ...WHOLE, unsealed: 'no python' }, /could not be tried: no python/],
] as const)('%s is off where it does not hold, with the reason', (layer, found, reason) => {
  const missing = off(found);
  expect(Object.keys(missing)).toEqual([layer]);
  expect(missing[layer]).toMatch(reason);
});

test('an ordinary user has no other user to give, and all else', () => {
  const found = { ...inside({ uid: 1000, gid: 1000, namespaces: spaces('2') }), slotUid: undefined };
  expect(off(found)).toEqual({
    'own user':
      'an ordinary user has no other users to give: QEMU is user 1000, in a user namespace of its own that knows nobody else',
  });
  const capable = { ...CAPABILITIES, CapBnd: 255 };
  expect(Object.keys(off(inside({ capabilities: capable })))).toEqual([]);
  expect(Object.keys(off(inside({ capabilities: capable, noNewPrivileges: false })))).toEqual([
    'no capabilities',
    'no new privileges',
  ]);
});

test('a jail that does not start is bad: nothing can be built', () => {
  expect(jailLayers({ ...WHOLE, inside: 'bwrap: No permissions' })).toMatchObject([
    { what: 'jail', state: 'bad', on: false, sentence: expect.stringContaining('bwrap: No permissions') as string },
  ]);
});
