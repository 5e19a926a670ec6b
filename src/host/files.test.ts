import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RennetError } from '../model/errors.ts';
import { fileError, readJson, replaceFile, sha256OfFile, writeJson } from './files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a file is replaced whole, with its mode, and nothing stays beside it', async () => {
  const path = join(folder, 'a');
  await writeFile(path, 'old content, longer');
  await chmod(path, 0o600);
  await replaceFile(path, 'new', 0o640);
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect(await readdir(folder)).toEqual(['a']);
});

test('a file that cannot be replaced stays, and nothing stays beside it', async () => {
  const path = join(folder, 'a');
  await expect(replaceFile(path, 1 as unknown as string)).rejects.toThrow();
  expect(await readdir(folder)).toEqual([]);
  await expect(replaceFile(join(folder, 'missing', 'a'), 'x')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('many writers at once leave the content of one of them', async () => {
  const path = join(folder, 'a');
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(1000));
  await Promise.all(contents.map((content) => replaceFile(path, content)));
  expect(contents).toContain(await readFile(path, 'utf8'));
  expect(await readdir(folder)).toEqual(['a']);
});

test('JSON is written for its owner alone, in a folder that may be missing', async () => {
  const path = join(folder, 'run', 'a.json');
  await writeJson(path, { a: 1 });
  await writeJson(path, { a: [2] });
  expect(await readJson(path)).toEqual({ a: [2] });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'run'))).toEqual(['a.json']);
});

test('JSON that is missing or broken is undefined', async () => {
  const path = join(folder, 'a.json');
  expect(await readJson(path)).toBeUndefined();
  await writeFile(path, '{"a":');
  expect(await readJson(path)).toBeUndefined();
  await writeFile(path, '{"a":1}');
  expect(await readJson(path)).toEqual({ a: 1 });
});

test('sha256 is that of the bytes', async () => {
  const path = join(folder, 'a');
  await writeFile(path, 'abc');
  expect(await sha256OfFile(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  await expect(sha256OfFile(path, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});

test.each([
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'no-space'],
  ['EACCES', 'state-unwritable'],
  ['EROFS', 'state-unwritable'],
])('%s is told as %s', (code, expected) => {
  const told = fileError(Object.assign(new Error(code), { code }), '/a');
  expect(told).toBeInstanceOf(RennetError);
  expect(told).toMatchObject({ code: expected, message: expect.stringContaining('/a') as string });
});

test('other errors stay what they are', () => {
  const error = new TypeError('x');
  expect(fileError(error, '/a')).toBe(error);
  expect(fileError(undefined, '/a')).toBeUndefined();
});
