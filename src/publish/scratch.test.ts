import { chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeLeftovers } from './scratch.ts';

/** Above the highest that Linux gives (proc(5), pid_max). */
const DEAD = 4_194_305;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-scratch-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('files and folders of dead processes go; of living ones, of other names and links stay', async () => {
  await mkdir(join(folder, `a-${DEAD}-folder/below`), { recursive: true });
  await writeFile(join(folder, `a-${DEAD}-file`), '');
  await writeFile(join(folder, `a-${process.pid}-file`), '');
  await writeFile(join(folder, `b-${DEAD}-file`), '');
  await symlink(join(folder, `b-${DEAD}-file`), join(folder, `a-${DEAD}-link`));
  await removeLeftovers(folder, /^a-(\d+)-[a-z]+$/);
  expect((await readdir(folder)).toSorted()).toEqual(
    [`a-${DEAD}-link`, `a-${process.pid}-file`, `b-${DEAD}-file`].toSorted(),
  );
});

test("another user's file stays", async () => {
  const path = join(folder, `a-${DEAD}-file`);
  await writeFile(path, '');
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) await chown(path, 65_534, 65_534);
  await removeLeftovers(folder, /^a-(\d+)-[a-z]+$/);
  // A plain user cannot make one.
  expect(await readdir(folder)).toHaveLength(isRoot ? 1 : 0);
});
