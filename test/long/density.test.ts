import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startRennet } from '../support/command.ts';
import { machineState as state, testImages } from '../support/images.ts';
import { descendants, leftovers } from '../support/traces.ts';

const COUNTS = [1, 2, 4, 8, 16, 32, 64];

test('64 clones at once: all get ready, or the command says how many this host has no memory for', async () => {
  await testImages(['disk']);
  const folder = await mkdtemp(join(tmpdir(), 'rennet-density-'));
  try {
    const args = ['bench', 'density', '--runs', '1', '--counts', COUNTS.join(), '--svg', join(folder, 'density.svg')];
    const { child, ended } = startRennet([...args, '--state', state.root]);
    const { status, stderr, events } = await ended;
    expect(status, stderr).toBe(0);
    const figures = events.filter(({ event }) => event === 'figure');
    for (const { name, median, unit } of figures.filter(({ n }) => n !== 0))
      process.stdout.write(`${String(name)} ${String(median)} ${String(unit)}\n`);
    // One time to ready of each clone; what was not measured has figures of nothing.
    const measured = COUNTS.filter((count) =>
      figures.some(({ name, n }) => name === `density.${count}.each` && n === count),
    );
    expect(measured.slice(0, 3)).toEqual([1, 2, 4]);
    // Those of KVM are wanting for another reason.
    const left = figures.filter(({ n, accelerator }) => n === 0 && accelerator !== 'kvm');
    expect(left.map(({ name, why }) => ({ name, why }))).toEqual(
      COUNTS.filter((count) => !measured.includes(count)).map((count) => ({
        name: `density.${count}.ready`,
        why: `This host has no memory for ${count} now, even idle.`,
      })),
    );
    expect([...(await descendants())]).toEqual([]);
    expect(await leftovers(child.pid, state.root)).toEqual({ mounts: [], cgroups: [] });
    expect((await readdir(state.run)).filter((name) => name.startsWith('bench-'))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
