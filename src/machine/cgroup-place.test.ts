import { expect, test } from 'vitest';
import { cgroupTrees } from './cgroup-place.ts';

const mount = (root: string, top: string, type: string, options: string): string =>
  `31 23 0:28 ${root} ${top} rw,relatime shared:9 - ${type} ${type} ${options}`;
const V2 = mount('/', '/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate');

test('a host with v2 only', () => {
  const own = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n';
  expect(cgroupTrees(`${mount('/', '/', 'ext4', 'rw')}\n${V2}\n`, own)).toEqual([
    { version: 'v2', controllers: [], top: '/sys/fs/cgroup', own: `/sys/fs/cgroup${own.slice(3).trim()}` },
  ]);
  expect(cgroupTrees(V2, '0::/\n')).toMatchObject([{ own: '/sys/fs/cgroup' }]);
});

test('a host with both: each controller has the tree that it is mounted in', () => {
  const mounts = [
    mount('/', '/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
    mount('/', '/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
    mount('/', '/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
    mount('/', '/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,name=systemd'),
  ].join('\n');
  const own = '9:name=systemd:/user\n5:cpu,cpuacct:/a\n4:memory:/slice/with:colon\n3:pids:/b\n0::/unified\n';
  const found = cgroupTrees(mounts, own).map(({ version, controllers, own: it }) => [version, controllers.at(-1), it]);
  expect(found).toEqual([
    ['v2', undefined, '/sys/fs/cgroup/unified/unified'],
    ['v1', 'memory', '/sys/fs/cgroup/memory/slice/with:colon'],
    ['v1', 'cpuacct', '/sys/fs/cgroup/cpu,cpuacct/a'],
  ]);
});

test('in a container: only what is mounted there is ours, and what lies above it is not', () => {
  const bound = mount('/docker/1a', String.raw`/mnt/my\040groups`, 'cgroup', 'rw,memory');
  expect(cgroupTrees(bound, '4:memory:/docker/1a\n')).toMatchObject([{ own: '/mnt/my groups' }]);
  expect(cgroupTrees(bound, '4:memory:/docker/1a/b\n')).toMatchObject([{ own: '/mnt/my groups/b' }]);
  expect(cgroupTrees(bound, '4:memory:/docker/1ab\n')).toEqual([]);
  expect(cgroupTrees(V2, '0::/../other\n')).toEqual([]);
  expect(cgroupTrees('', '')).toEqual([]);
});
