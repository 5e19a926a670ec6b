import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFile, tryLockFile } from './lock.ts';
import { startTicks } from './process-owner.ts';

const never = new AbortController().signal;
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-lock-'));
  path = join(folder, 'run', 'a.lock');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Processes that hold this lock or wait for it, or were started for it. */
async function lockers(): Promise<{ pid: number; isLock: boolean }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const names = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!words.includes(path) && !names.includes(`LOCK_OF_TEST=${path}`)) return [];
      return { pid: Number(pid), isLock: /^(?:flock|sh)\0/.test(words) };
    }),
  );
  return found.flat();
}

test('who does not wait gets a free lock, and no taken one', async () => {
  const first = await tryLockFile(path);
  expect(first).toBeDefined();
  expect(await tryLockFile(path)).toBeUndefined();
  await first?.release();
  await (await tryLockFile(path))?.release();
  expect(await lockers()).toEqual([]);
});

test('an abort lets go of nothing: the next one waits for the release', async () => {
  const work = new AbortController();
  const first = await lockFile(path, work.signal);
  work.abort();
  // flock would have it within milliseconds.
  await expect(lockFile(path, AbortSignal.timeout(300))).rejects.toMatchObject({ code: 'cancelled' });
  await first.release();
  await (await lockFile(path, never)).release();
});

test('an abort ends the waiting and the process that waits', async () => {
  const first = await lockFile(path, never);
  const work = new AbortController();
  const second = lockFile(path, work.signal);
  work.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  await expect(lockFile(path, work.signal)).rejects.toMatchObject({ code: 'cancelled' });
  await first.release();
  expect(await lockers()).toEqual([]);
});

test('^C of the terminal reaches no holder; the end of its rennet ends holders and waiters', async () => {
  const program = `
    import { lockFile } from ${JSON.stringify(new URL('lock.ts', import.meta.url).href)};
    const never = new AbortController().signal;
    process.on('SIGINT', () => console.log('interrupted'));
    await lockFile(${JSON.stringify(path)}, never);
    void lockFile(${JSON.stringify(path)}, never);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LOCK_OF_TEST: path },
    detached: true,
  });
  const pid = child.pid ?? 0;
  try {
    await once(child.stdout, 'data');
    // Until both have become flock or its shell: before, they are forks of the child in its session.
    while ((await lockers()).filter((it) => it.isLock).length < 2) await sleep(10);
    process.kill(-pid, 'SIGINT');
    await once(child.stdout, 'data');
    await expect(lockFile(path, AbortSignal.timeout(300))).rejects.toMatchObject({ code: 'cancelled' });
  } finally {
    child.kill('SIGKILL');
  }
  await once(child, 'close');
  await (await lockFile(path, never)).release();
  let left = await lockers();
  for (let tries = 0; tries < 100 && left.length > 0; tries += 1) {
    await sleep(20);
    left = (await lockers()).filter(({ pid: it }) => startTicks(it) !== undefined);
  }
  expect(left).toEqual([]);
});
