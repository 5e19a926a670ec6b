import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESET_STRATEGIES } from '../src/model/machine.ts';
import { cli, only } from './support/cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('bench reset measures every way to a clean guest, a cold boot in the same run, and draws them', async () => {
  const svg = join(folder, 'reset.svg');
  const run = await cli(['bench', 'reset', '--runs', '1', '--accelerator', 'tcg', '--svg', svg]);
  expect(run.status, run.stderr).toBe(0);
  const figures = run.all('figure');
  const median = (name: string): number => figures.find((it) => it.name === name && it.n > 0)?.median ?? Number.NaN;
  for (const way of [...RESET_STRATEGIES, 'warm'])
    for (const part of ['ready', 'teardown', 'pss', 'private', 'tmpfs'])
      expect(median(`reset.${way}.${part}`), `reset.${way}.${part}`).toBeGreaterThanOrEqual(0);
  // What each strategy is: only a copy holds the whole disk, only a clone shares its memory.
  expect(median('reset.copy.tmpfs')).toBeGreaterThan(100);
  expect(median('reset.delta.tmpfs')).toBeLessThan(100);
  expect(median('reset.memory.private')).toBeLessThan(median('reset.overlay.private'));
  expect(median('reset.memory.speedup')).toBeCloseTo(median('boot.cold.ready') / median('reset.memory.ready'), 1);
  // Nothing is guessed for an accelerator that was not measured.
  expect(figures.find((it) => it.name === 'boot.cold.ready' && it.accelerator === 'kvm')).toMatchObject({ n: 0 });
  expect(only(run, 'chart').file).toBe(svg);
  const drawn = await readFile(svg, 'utf8');
  for (const way of RESET_STRATEGIES) expect(drawn).toContain(`>${way}<`);
});

test('a word that is no driver, and no number of runs, are refused before anything is measured', async () => {
  const driver = await cli(['bench', 'build', '--driver', 'docker'], { plain: true });
  expect(driver).toMatchObject({ status: 2, stderr: expect.stringContaining('docker') });
  const runs = await cli(['bench', 'reset', '--runs', 'many'], { plain: true });
  expect(runs).toMatchObject({ status: 2, stderr: expect.stringContaining('whole number from 1 to 1000') });
});
