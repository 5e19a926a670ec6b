import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFile } from '../../host/lock.ts';
import { buildSdist } from '../../python/testing/tars.ts';
import { type LaidOutCrates, layOutCrates } from './layer.ts';
import { startTotal } from './total.ts';

const never = new AbortController().signal;
const SUMS = ['a'.repeat(64), 'b'.repeat(64)];
const lockOf = (sums: readonly string[]): string =>
  sums
    .map(
      (sum, at) =>
        `[[package]]\nname = "curd"\nversion = "${at}.0.0"\nsource = "registry+https://index.example.org"\nchecksum = "${sum}"\n`,
    )
    .join('');
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-layer-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Two locks that pin the same. */
async function layOut(signal: AbortSignal): Promise<LaidOutCrates> {
  const sdist = join(folder, 'sdist.tar.gz');
  await writeFile(sdist, buildSdist('mould-1.0', { 'Cargo.lock': lockOf(SUMS), 'native/Cargo.lock': lockOf(SUMS) }));
  await mkdir(join(folder, 'in/layers'), { recursive: true });
  const ports = { cacheFolder: join(folder, 'cache'), progress: () => undefined };
  return layOutCrates(sdist, join(folder, 'in'), ports, { ms: 0 }, signal);
}

/** Unpacked crates as an earlier build left them, of one sparse file each. */
async function cache(bytes: number): Promise<void> {
  for (const sum of SUMS) {
    const tree = join(folder, `cache/layers/crate-${sum}/tree`);
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, sum), '');
    await truncate(join(tree, sum), bytes);
  }
}

test('crates that are small one by one and too large together are refused', async () => {
  await cache(1.25 * 1024 ** 3);
  await expect(layOut(never)).rejects.toMatchObject({
    code: 'bad-archive',
    message: "The crates of the sdist's Cargo.lock unpack to more than 2147483648 bytes.",
  });
});

test('what several locks pin counts once', async () => {
  await cache(0.75 * 1024 ** 3);
  expect((await layOut(never)).buildRequirements).toHaveLength(2);
});

test('files and folders are counted over all crates', async () => {
  const total = startTotal({ bytes: 1024 ** 2, entries: 6 });
  const trees = ['a', 'b'].map((name) => join(folder, name));
  for (const tree of trees) {
    await mkdir(tree);
    for (const name of 'xyz') await writeFile(join(tree, name), '');
  }
  await total.add(trees.slice(0, 1), never);
  await expect(total.add(trees, never)).rejects.toMatchObject({
    code: 'bad-archive',
    message: expect.stringMatching(/more than 6 files and folders\.$/),
  });
});

test('while another process fetches crates, this one waits and touches nothing', async () => {
  const held = await lockFile(join(folder, 'cache/cargo.lock'), never);
  await expect(layOut(AbortSignal.timeout(500))).rejects.toMatchObject({ code: 'cancelled' });
  expect(await readdir(join(folder, 'cache'))).toEqual(['cargo.lock']);
  await held.release();
});
