import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { memoryOfTree, readRollup } from './process-memory.ts';

test('counts what children hold too', async () => {
  const program = "held = b'x' * (64 << 20); print('held', flush=True); input()";
  const child = spawn('sh', ['-c', `python3 -c "${program}"; exit`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const { pssMiB, privateMiB, residentMiB } = await memoryOfTree(child.pid ?? 0);
  child.stdin.end('\n');
  await once(child, 'exit');
  expect(privateMiB).toBeGreaterThan(64);
  expect(pssMiB).toBeGreaterThanOrEqual(privateMiB);
  expect(residentMiB).toBeGreaterThan(pssMiB);
  expect(await memoryOfTree(child.pid ?? 0)).toEqual({ pssMiB: 0, privateMiB: 0, residentMiB: 0 });
});

test('pages of its own are the anonymous ones', () => {
  const text = 'Rss:  2048 kB\nPss:   1536 kB\nPss_Dirty: 9 kB\nPrivate_Dirty:    512 kB\nAnonymous: 1024 kB\n';
  expect(readRollup(text)).toEqual({ pssMiB: 1.5, privateMiB: 1, residentMiB: 2 });
});
