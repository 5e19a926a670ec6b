import { expect, test } from 'vitest';
import { createCgroup } from './cgroup.ts';

test('a group that cannot be made is no group, says why, and nothing is left of the attempt', async () => {
  const group = await createCgroup('no/such/folder', { memoryMiB: 1, processes: 1, cpus: 1 });
  expect(group).toMatchObject({ version: 'none', joinFiles: [] });
  expect(group.sentence).not.toBe('');
  expect(await group.outOfMemoryKills()).toBe(0);
  await group.remove();
});
