import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outcomeOfError, recordAttempt, type RunningAttempt } from './attempt.ts';
import { RennetError } from './model/errors.ts';
import type { GuestReport } from './model/machine.ts';
import type { Outcome } from './model/outcome.ts';
import { stateFolder } from './model/state.ts';
import { BOOKWORM } from './plan/testing/recorded.ts';
import type { PlanPorts } from './ports.ts';
import type { Attempt, AttemptEnding } from './store/records.ts';

describe('outcomeOfError', () => {
  it.each([
    [new RennetError('wrong-hash', 'x'), { kind: 'rejected', rule: 'wrong-hash' }],
    [new RennetError('bad-archive', 'x'), { kind: 'rejected', rule: 'bad-archive' }],
    [new RennetError('bad-metadata', 'x'), { kind: 'build-failed', class: 'bad-metadata' }],
    [new RennetError('unmappable-version', 'x'), { kind: 'held', rule: 'unmappable-version' }],
    [new RennetError('index-unreachable', 'x'), { kind: 'infrastructure' }],
    [new RennetError('no-space', 'x'), { kind: 'infrastructure' }],
    [new RennetError('cancelled', 'x'), { kind: 'cancelled' }],
    [Object.assign(new Error('x'), { code: 'ENOSPC' }), { kind: 'infrastructure' }],
    [new TypeError('x is not a function'), { kind: 'infrastructure' }],
    ['odd', { kind: 'infrastructure' }],
  ])('%s', (error, outcome) => {
    expect(outcomeOfError(error)).toMatchObject(outcome);
    expect(outcomeOfError(error).sentence).not.toBe('');
  });

  it('tells what to do next where the error knows it', () =>
    expect(outcomeOfError(new RennetError('no-space', 'Full.', 'Free some.')).sentence).toBe('Full. Free some.'));
});

describe('recordAttempt', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rennet-attempt-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const published: Outcome = { kind: 'published', sentence: 'It is published.' };
  const withLog = async (attempt: RunningAttempt): Promise<Outcome> => {
    const log = join(attempt.folder, 'guest.log');
    await writeFile(log, 'words');
    attempt.guestEnded('build', { log } as GuestReport);
    return published;
  };

  /** What the store is told at the end. */
  async function endingOf(
    stages: (attempt: RunningAttempt) => Promise<Outcome>,
    putBlob: () => Promise<string>,
    root = folder,
  ): Promise<AttemptEnding | undefined> {
    let ending: AttemptEnding | undefined;
    const store = {
      beginAttempt: () => Promise.resolve('a1'),
      endAttempt(_id: string, given: AttemptEnding) {
        ending = given;
        return Promise.resolve();
      },
      attempt: () => Promise.resolve({ id: 'a1' } as Attempt),
      putBlob,
    };
    const request = { project: 'foo', version: '1.0', target: BOOKWORM, startedAt: performance.now(), planMs: 1 };
    const ports = { state: stateFolder(root), store, reset: 'memory' } as unknown as PlanPorts;
    await recordAttempt(request, ports, stages, new AbortController().signal);
    return ending;
  }

  it('keeps the log and leaves no work folder', async () => {
    const ending = await endingOf(withLog, () => Promise.resolve('ab12'));
    expect(ending).toMatchObject({ outcome: 'published', sentence: published.sentence, log: 'ab12' });
    expect(await readdir(join(folder, 'attempts'))).toEqual([]);
  });

  it('keeps how each guest started and how long it took, and of all of them the start that nobody asked for', async () => {
    const timingsMs = { reset: 3000, run: 10, collect: 1, teardown: 9 };
    const ending = await endingOf(
      async (attempt) => {
        const log = join(attempt.folder, 'guest.log');
        await writeFile(log, 'words');
        const told = { log, driver: 'qemu', isolation: 'hardware', timingsMs } as GuestReport;
        attempt.guestEnded('build', { ...told, reset: 'overlay', isolation: 'emulated' });
        attempt.guestEnded('check', { ...told, reset: 'memory' });
        return published;
      },
      () => Promise.resolve('ab12'),
    );
    expect(ending).toMatchObject({ driver: 'qemu', reset: 'overlay', isolation: 'emulated' });
    expect(ending?.evidence).toEqual({
      guests: [
        { title: 'build', reset: 'overlay', isolation: 'emulated', timingsMs },
        { title: 'check', reset: 'memory', isolation: 'hardware', timingsMs },
      ],
    });
  });

  it('ends as it ended when the log cannot be kept', async () => {
    const full = () => Promise.reject(new RennetError('no-space', 'The file system of blobs is full.'));
    const ending = await endingOf(withLog, full);
    expect(ending).toMatchObject({
      outcome: 'published',
      sentence: 'It is published. Its log could not be kept: The file system of blobs is full.',
    });
    expect(ending).not.toHaveProperty('log');
  });

  it('ends when its work folder cannot be made', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const ending = await endingOf(withLog, () => Promise.resolve('ab12'), file);
    expect(ending).toMatchObject({ outcome: 'infrastructure', sentence: expect.stringContaining('ENOTDIR') as string });
  });
});
