import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { stateFolder } from '../model/state.ts';
import { capacityForBuilds, chooseJobs, type GuestsAsked } from './jobs.ts';

const state = stateFolder('/nonexistent/rennet-jobs');

test('as many as are asked for and fit; what does not fit is refused with the sum, unless told to overcommit', async () => {
  const ask = (jobs: number, overcommit = false) =>
    chooseJobs({ jobs, overcommit, driver: 'qemu', reset: 'memory', tests: false }, state);
  expect(await ask(1)).toBe(1);
  const many = availableParallelism() + 1;
  expect(await ask(many, true)).toBe(many);
  await expect(ask(many)).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringMatching(
      /^--jobs \d+ is more than this host runs at once: \d+ guests of 2048 MiB at once, bounded by .*memory: \d+ MiB available - 1024 for the host/,
    ) as string,
    hint: expect.stringContaining('--overcommit') as string,
  });
});

test('where nothing is asked for: at least one, and never more than the processors', async () => {
  const jobs = await chooseJobs({ overcommit: false, driver: 'namespace', reset: 'memory', tests: false }, state);
  expect(jobs).toBeGreaterThanOrEqual(1);
  expect(jobs).toBeLessThanOrEqual(availableParallelism());
});

test('disks of their own and further templates are in the sum', async () => {
  const sum = async (asked: Pick<GuestsAsked, 'reset' | 'tests'>) =>
    (await capacityForBuilds({ driver: 'qemu', ...asked }, state)).sentence;
  expect(await sum({ reset: 'memory', tests: false })).toMatch(/ - 3072 for templates .* \+ 128 \(disks in memory\)/);
  expect(await sum({ reset: 'memory', tests: true })).toContain(' - 5120 for templates ');
  expect(await sum({ reset: 'overlay', tests: false })).toContain(' - 0 for templates ');
  expect(await sum({ reset: 'delta', tests: false })).toContain(' + 2176 (disks in memory)');
  expect(await sum({ reset: 'copy', tests: false })).toContain(' + 2688 (disks in memory)');
});
