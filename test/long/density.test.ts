import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rennet } from '../support/command.ts';
import { machineState, testImages } from '../support/images.ts';

test('64 clones at once: all get ready, or the command says how many this host has room for', async () => {
  await testImages(['disk']);
  const folder = await mkdtemp(join(tmpdir(), 'rennet-density-'));
  try {
    const svg = join(folder, 'density.svg');
    const args = ['bench', 'density', '--runs', '1', '--svg', svg, '--state', machineState.root];
    const ended = await rennet(args);
    expect(ended.status, ended.stderr).toBe(0);
    const figures = ended.events.filter(({ event }) => event === 'figure');
    for (const { name, median, unit } of figures)
      process.stdout.write(`${String(name)} ${String(median)} ${String(unit)}\n`);
    const counts = figures.flatMap(({ name }) => /^density\.(\d+)\.ready$/.exec(String(name))?.[1] ?? []).map(Number);
    expect(counts.slice(0, 3)).toEqual([1, 2, 4]);
    // What a host has no memory for is left out, and said.
    if (Math.max(...counts) < 64) expect(ended.stderr).toMatch(/room|memory/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
