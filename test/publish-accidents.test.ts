import { execFile, spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseStanzas } from '../src/debian/deb822.ts';
import type { ArchiveRow } from '../src/publish/publish.ts';
import { type Bench, SUITE, closeBench, openApt, openBench, publish, row } from './publish-bench.ts';

const run = promisify(execFile);

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => closeBench(bench));

describe('accidents', () => {
  const child = join(import.meta.dirname, 'publish-child.ts');

  test('kill -9 after any step: apt reads the old or the new generation, and the next publication mends', async () => {
    const first = await row(bench, 'aaa');
    const second = await row(bench, 'bbb');
    const rowsFile = join(bench.folder, 'rows.json');
    await writeFile(rowsFile, JSON.stringify([first, second]));
    for (const step of ['pool', 'by-hash', 'sign', 'check', 'retire', 'names', 'flip', 'clean']) {
      await rm(bench.state.archive, { recursive: true, force: true });
      await publish(bench, [first]);
      const { signal } = spawnSync(process.execPath, [child, bench.state.root, rowsFile, step]);
      expect(`${step} ${signal}`).toBe(`${step} SIGKILL`);
      const apt = await openApt(bench, `apt-${step}`);
      expect(await apt.update()).not.toMatch(/^[WE]: /m);
      const flipped = step === 'flip' || step === 'clean';
      expect(await apt.names(), step).toEqual(flipped ? ['python3-aaa', 'python3-bbb'] : ['python3-aaa']);
      await publish(bench, [second]);
      await apt.update();
      expect(await apt.names(), step).toEqual(['python3-bbb']);
      const everything = await readdir(bench.state.archive, { recursive: true });
      expect(everything.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
  });

  test('a full disk: no-space, the published generation stays, and it goes on when space returns', async () => {
    // A small tmpfs in a mount namespace of its own needs root; a user gets one by a user namespace.
    const script = `set -e
mount -t tmpfs -o size=400k,mode=755 tmpfs "$1/archive"
node "$2" "$1" "$3"
cp -r "$1/archive/dists" "$4/before"
head -c 10000000 /dev/zero >"$1/archive/filler" 2>/dev/null || true
node "$2" "$1" "$5" || true
rm "$1/archive/filler"
cmp "$1/archive/dists/${SUITE}/InRelease" "$4/before/${SUITE}/InRelease"
node "$2" "$1" "$5"
cp -r "$1/archive/dists" "$4/after"`;
    await mkdir(bench.state.archive, { recursive: true });
    const [one, two] = [join(bench.folder, 'one.json'), join(bench.folder, 'two.json')];
    const first = await row(bench, 'aaa');
    await writeFile(one, JSON.stringify([first]));
    await writeFile(two, JSON.stringify([first, await row(bench, 'bbb')]));
    const isRoot = process.getuid?.() === 0;
    const namespace = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
    const path = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
    const { stdout } = await run(
      'unshare',
      [...namespace, 'sh', '-c', script, 'sh', bench.state.root, child, one, bench.folder, two],
      {
        env: { ...process.env, PATH: path },
      },
    );
    expect(stdout).toBe('no-space\n');
    const packages = await readFile(join(bench.folder, 'after', SUITE, 'main/binary-all/Packages'), 'utf8');
    expect(parseStanzas(packages).map((stanza) => stanza.get('Package'))).toEqual(['python3-aaa', 'python3-bbb']);
  });

  test('apt-get update in a loop during 30 quick publications never fails', async () => {
    const rows: ArchiveRow[] = [await row(bench, 'r0')];
    await publish(bench, rows);
    const apts = [await openApt(bench, 'one'), await openApt(bench, 'two')];
    let publishing = true;
    const failures: unknown[] = [];
    const clients = apts.map(async (apt) => {
      let updates = 0;
      while (publishing) {
        await apt.update().catch((error: unknown) => failures.push(error));
        updates += 1;
      }
      return updates;
    });
    for (let index = 1; index <= 30; index += 1) {
      rows.push(await row(bench, `r${index}`));
      await publish(bench, index % 3 === 0 ? rows.slice(1) : rows);
    }
    publishing = false;
    const updates = await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(Math.min(...updates)).toBeGreaterThan(5);
    for (const apt of apts) {
      await apt.update();
      expect(await apt.names()).toContain('python3-r29');
    }
  });
});
