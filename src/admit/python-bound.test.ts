import { expect, it } from 'vitest';
import { pythonBoundOf } from './python-bound.ts';
import type { Placed } from './rules/rule.ts';

const compiled = (site: string): Placed => ({
  kind: 'module',
  site,
  path: `/usr/lib/python3/dist-packages/${site}`,
  file: { name: site, mode: 0, elf: { malformed: 'not asked' } },
});

it.each([
  [['curd/_x.cpython-311-x86_64-linux-gnu.so'], 'curd-1.0-cp311-cp311-linux_x86_64.whl', 'abi'],
  [['curd/_x.abi3.so'], 'curd-1.0-cp38-abi3-linux_x86_64.whl', 'abi3'],
  [['curd/_x.abi3.so', 'curd/_y.cpython-311-x86_64-linux-gnu.so'], 'curd-1.0-cp311-cp311-linux_x86_64.whl', 'abi'],
  [['curd/_x.so'], 'curd-1.0-cp38-abi3-linux_x86_64.whl', 'abi3'],
  [['curd/_x.so'], 'curd-1.0-cp311-cp311-linux_x86_64.whl', 'abi'],
  [['curd/libx.so'], 'curd-1.0-py3-none-linux_x86_64.whl', 'none'],
  [['curd/libx.so.1'], 'curd-1.0-cp311-cp311-linux_x86_64.whl', 'none'],
  [[], 'curd-1.0-py3-none-any.whl', 'none'],
])('%s of %s is bound to %s', (sites, wheelName, bound) => {
  expect(pythonBoundOf(sites.map(compiled), wheelName)).toBe(bound);
});
