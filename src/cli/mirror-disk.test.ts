import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateFolder } from '../model/state.ts';
import { openMirrorDisk } from './mirror-disk.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-mirror-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(name: string) {
  const state = stateFolder(folder);
  await writeFile(state.settingsFile, `[suite.bookworm]\nmirror-disk = "${join(folder, name)}"\n`);
  return openMirrorDisk('bookworm', state);
}

test('a file of whole sectors that all may read is a disk', async () => {
  await writeFile(join(folder, 'good'), Buffer.alloc(4096));
  expect(await open('good')).toEqual({ path: join(folder, 'good'), bytes: 4096 });
  await expect(openMirrorDisk('trixie', stateFolder(folder))).rejects.toThrow(/names no mirror-disk for trixie/);
});

test('what cannot be a disk of guests is told in a sentence', async () => {
  await expect(open('none')).rejects.toThrow(/is not there\.$/);
  await mkdir(join(folder, 'folder'));
  await expect(open('folder')).rejects.toThrow(/is no file\.$/);
  await writeFile(join(folder, 'short'), Buffer.alloc(1000));
  await expect(open('short')).rejects.toThrow(/its 1000 bytes are no whole sectors/);
  await writeFile(join(folder, 'mine'), Buffer.alloc(512));
  await chmod(join(folder, 'mine'), 0o600);
  const told = await open('mine').catch((error: Error) => error.message);
  if (process.getuid?.() === 0) expect(told).toMatch(/cannot be read by all/);
  else expect(told).toEqual({ path: join(folder, 'mine'), bytes: 512 });
});
