import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requireOwnSocketFolder } from './socket-folder.ts';

const isRoot = process.geteuid?.() === 0;
let folder: string;
let parent: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-socket-'));
  parent = join(folder, 'parent');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the folder above is made, and is content with what it made', async () => {
  const umask = process.umask(0o077);
  try {
    await requireOwnSocketFolder(join(parent, 'db'));
  } finally {
    process.umask(umask);
  }
  expect((await stat(parent)).mode & 0o777).toBe(isRoot ? 0o755 : 0o700);
  await mkdir(join(parent, 'db'), { mode: 0o700 });
  await requireOwnSocketFolder(join(parent, 'db'));
});

test.each([
  ['a link', () => symlink(folder, parent)],
  ['a link to nowhere', () => symlink('/nonexistent', parent)],
  ['a file', () => writeFile(parent, '')],
  [
    'a folder that others can write',
    async () => {
      await mkdir(parent);
      await chmod(parent, 0o777);
    },
  ],
  [
    "another user's folder",
    async () => {
      // A plain user cannot give folders away, but sees the system's.
      if (!isRoot) return symlink('/usr', parent);
      await mkdir(parent);
      return chown(parent, 54_321, 54_321);
    },
  ],
])('%s in its place is refused', async (_what, plant) => {
  await plant();
  await expect(requireOwnSocketFolder(join(parent, 'db'))).rejects.toMatchObject({ code: 'state-unwritable' });
});
