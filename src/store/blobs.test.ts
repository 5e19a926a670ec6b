import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StateFolder, stateFolder } from '../model/state.ts';
import { blobPath, putBlob } from './blobs.ts';

let folder: string;
let state: StateFolder;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-blobs-'));
  state = stateFolder(join(folder, 'state'));
  await mkdir(state.blobs, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

test.each([0, 1, 1024 * 1024, 3 * 1024 * 1024 + 7])('keeps a file of %i bytes under its sha256', async (size) => {
  const bytes = Buffer.alloc(size, 'rennet');
  const sha256 = await putBlob(state, await file('one', bytes));
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect((await readFile(blobPath(state, sha256))).equals(bytes)).toBe(true);
  expect((await stat(blobPath(state, sha256))).mode & 0o777).toBe(0o444);
});

test('the same bytes are kept once, however often and at once they come', async () => {
  const source = await file('one', Buffer.alloc(2_000_000, 1));
  const names = await Promise.all(Array.from({ length: 8 }, () => putBlob(state, source)));
  expect(new Set(names).size).toBe(1);
  expect(await readdir(state.blobs, { recursive: true })).toHaveLength(2);
});

test('an abort and a missing source leave nothing', async () => {
  const source = await file('one', Buffer.alloc(10));
  await expect(putBlob(state, source, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
  await expect(putBlob(state, join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(state.blobs)).toEqual([]);
});

test('a name that is no digest never becomes a path', () => {
  expect(() => blobPath(state, '../../etc/passwd')).toThrow(TypeError);
  expect(() => blobPath(state, 'A'.repeat(64))).toThrow(TypeError);
});
