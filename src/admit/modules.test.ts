import { describe, expect, it } from 'vitest';
import { importableModules, ownedModules } from './modules.ts';
import type { Placed } from './rules/rule.ts';

const tree = (...sites: string[]): Placed[] =>
  sites.map((site) => ({
    kind: 'module',
    site,
    path: `/usr/lib/python3/dist-packages/${site}`,
    file: { name: site, mode: 0 },
  }));

describe('modules', () => {
  it.each([
    ['a package', ['curd/__init__.py', 'curd/deep/x.py', 'curd/data.json'], ['curd'], ['curd']],
    ['a module', ['six.py'], ['six'], ['six']],
    [
      'an extension',
      ['_curd.abi3.so', '_whey.cpython-311-x86_64-linux-gnu.so'],
      ['_curd', '_whey'],
      ['_curd', '_whey'],
    ],
    [
      'a package in a namespace',
      ['google/cloud/curd/__init__.py', 'google/cloud/curd/x.py'],
      ['google/cloud/curd'],
      ['google.cloud.curd'],
    ],
    ['modules in a namespace', ['milk/a.py', 'milk/b.py'], ['milk/a', 'milk/b'], ['milk']],
    ['what no import can say', ['curd.libs/libx.so', 'curd-stubs/__init__.pyi', 'my-curd/x.py'], [], []],
  ])('%s', (_, sites, owned, importable) => {
    expect(ownedModules(tree(...sites))).toEqual(owned);
    expect(importableModules(tree(...sites))).toEqual(importable);
  });
});
