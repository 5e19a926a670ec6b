import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAbandoned, ownerLives, processOwner, startTicks, temporaryName } from './process-owner.ts';

async function withSleeper<T>(fn: (pid: number) => Promise<T> | T): Promise<{ result: T; pid: number }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  try {
    return { result: await fn(pid), pid };
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

test('a process lives as long as its pid and start time agree', async () => {
  const { result: owner } = await withSleeper((pid) => {
    const named = processOwner(pid);
    expect(ownerLives(named)).toBe(true);
    return named;
  });
  expect(ownerLives(owner)).toBe(false);
});

test('another process under the same pid is not the owner', () => {
  const fields = processOwner().split(' ');
  fields[4] = String(Number(fields[4]) - 1);
  expect(ownerLives(fields.join(' '))).toBe(false);
});

test.each([
  ['another boot of this host', 1, false],
  ['another host', 0, true],
  ['another container', 2, true],
])('a pid of %s', (_, field, lives) => {
  const fields = processOwner().split(' ');
  expect(fields).toHaveLength(5);
  fields[field] = 'other';
  fields[3] = '4194305';
  expect(ownerLives(fields.join(' '))).toBe(lives);
});

test('only temporary names of dead processes are abandoned', async () => {
  expect(isAbandoned(`version.${temporaryName()}`)).toBe(false);
  const { result: name } = await withSleeper((pid) => `postgres.tmp-${pid}-${startTicks(pid)}-abc123`);
  expect(isAbandoned(name)).toBe(true);
  expect(isAbandoned('tmp-')).toBe(false);
  expect(isAbandoned('blobs')).toBe(false);
});
