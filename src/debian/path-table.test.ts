import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPathTable, findInPathTable } from './path-table.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-paths-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a path is found with exactly the packages that it was added with', async () => {
  const entry = fc.tuple(fc.string({ minLength: 1, maxLength: 30 }), fc.integer({ min: 0, max: 2 ** 17 - 1 }));
  const property = fc.asyncProperty(fc.array(entry, { maxLength: 60 }), fc.string(), async (entries, other) => {
    const table = createPathTable();
    const owners = new Map<string, Set<number>>();
    for (const [path, number] of entries) {
      if (owners.get(path)?.has(number)) continue;
      owners.set(path, (owners.get(path) ?? new Set()).add(number));
      const bytes = Buffer.from(`>${path}<`);
      table.add(bytes, 1, bytes.length - 1, number);
    }
    const file = join(folder, 'paths');
    await writeFile(file, table.bytes());
    for (const [path, numbers] of owners) {
      expect(findInPathTable(file, path)).toEqual([...numbers].toSorted((a, b) => a - b));
    }
    if (!owners.has(other)) expect(findInPathTable(file, other)).toEqual([]);
  });
  await fc.assert(property, { numRuns: 25 });
});

test('similar paths do not collide', async () => {
  const table = createPathTable();
  for (let index = 0; index < 50_000; index += 1) {
    const bytes = Buffer.from(`usr/share/icons/${index}.png`);
    table.add(bytes, 0, bytes.length, index);
  }
  const file = join(folder, 'many');
  await writeFile(file, table.bytes());
  for (let index = 0; index < 50_000; index += 997) {
    expect(findInPathTable(file, `usr/share/icons/${index}.png`)).toEqual([index]);
    expect(findInPathTable(file, `usr/share/icons/${index}.svg`)).toEqual([]);
  }
});

test('more packages than the table can number are a defect, not a wrong answer', () => {
  expect(() => createPathTable().add(Buffer.from('x'), 0, 1, 2 ** 17)).toThrow('path table');
});
