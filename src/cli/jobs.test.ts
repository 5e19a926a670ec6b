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

test('disks of their own and further templates leave room for fewer', async () => {
  const fits = async (asked: Pick<GuestsAsked, 'reset' | 'tests'>) =>
    (await capacityForBuilds({ driver: 'qemu', ...asked }, state)).fits.memory;
  const [clones, boots] = [
    await fits({ reset: 'memory', tests: false }),
    await fits({ reset: 'overlay', tests: false }),
  ];
  expect(await fits({ reset: 'copy', tests: false })).toBeLessThanOrEqual(boots);
  expect(await fits({ reset: 'memory', tests: true })).toBeLessThanOrEqual(clones);
  expect(clones).toBeLessThanOrEqual(boots);
});
