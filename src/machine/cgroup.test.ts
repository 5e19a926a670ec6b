import { expect, test } from 'vitest';
import { createCgroup, ownGroup } from './cgroup.ts';

const HYBRID = '9:name=systemd:/\n5:cpu,cpuacct:/a\n4:memory:/slice/with:colon\n0::/unified\n';

test('finds our own group of a v1 controller', () => {
  expect(ownGroup(HYBRID, 'memory')).toBe('/slice/with:colon');
  expect(ownGroup(HYBRID, 'cpuacct')).toBe('/a');
  expect(() => ownGroup(HYBRID, 'pids')).toThrow(/pids/);
});

test('a group that cannot be made is no group, and nothing is left of the attempt', async () => {
  const group = await createCgroup('no/such/folder', { memoryMiB: 1, processes: 1 });
  expect(group).toMatchObject({ version: 'none', joinFiles: [] });
  expect(await group.outOfMemoryKills()).toBe(0);
  await group.remove();
});
