import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ArchiveRow, publishArchive } from '../src/publish/publish.ts';
import { ensureSigningKey } from '../src/publish/signing-key.ts';
import { sourcesText } from '../src/publish/sources.ts';
import {
  type Bench,
  SUITE,
  byHashFiles,
  closeBench,
  openApt,
  openBench,
  publish,
  row,
  runningAgents,
} from './publish-bench.ts';

const run = promisify(execFile);
const SIGNAL = new AbortController().signal;

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});
afterEach(() => closeBench(bench));

describe('publishArchive', () => {
  test('apt updates without a warning, sees each package once with priority 100, downloads and unpacks', async () => {
    const rows = [
      await row(bench, 'aaa'),
      await row(bench, 'bbb', '1.0-0~pypi1~deb12', 'amd64'),
      await row(bench, 'ccc', '2.0-0~pypi1~deb12'),
    ];
    const { changedFiles } = await publish(bench, rows);
    expect(changedFiles).toContain(`dists/${SUITE}/InRelease`);
    const apt = await openApt(bench);
    expect(await apt.update()).not.toMatch(/^[WEN]: /m);
    expect(await apt.names()).toEqual(['python3-aaa', 'python3-bbb', 'python3-ccc']);
    const policy = await apt.call('apt-cache', 'policy', 'python3-aaa');
    expect(policy.match(/^ {8}100 file:/gm)).toHaveLength(1);
    expect(await apt.call('apt-cache', 'policy')).toContain('o=Rennet,a=bookworm,n=bookworm,l=Rennet,c=main,b=all');
    await apt.call('apt-get', 'install', '--download-only', 'python3-aaa', 'python3-bbb');
    await apt.call('apt-get', 'download', 'python3-ccc');
    expect(
      createHash('sha256')
        .update(await readFile(join(apt.root, 'python3-ccc_2.0-0~pypi1~deb12_all.deb')))
        .digest('hex'),
    ).toBe(rows[2]?.sha256);
    expect(await apt.call('apt-cache', 'show', 'python3-aaa')).toContain(
      'Description: Größe of aaa\n A first paragraph',
    );
    const own = new RegExp(`^rennet-(gpg|apt)-${process.pid}-`);
    expect((await readdir(tmpdir())).filter((name) => own.test(name))).toEqual([]);
    expect(await runningAgents()).toEqual([]);
  });

  test('the index has the newest of a name, the pool keeps the older, a missing row is taken out', async () => {
    const old = await row(bench, 'aaa', '1.9-0~pypi1~deb12');
    const rows = [
      await row(bench, 'aaa', '1.10-0~pypi1~deb12'),
      old,
      await row(bench, 'aaa', '1.10~rc1-0~pypi1~deb12'),
      await row(bench, 'bbb'),
    ];
    await publish(bench, rows);
    const apt = await openApt(bench);
    await apt.update();
    expect(await apt.call('apt-cache', 'madison', 'python3-aaa')).toMatch(
      /^python3-aaa \| 1\.10-0~pypi1~deb12 \| .*\n$/,
    );
    expect((await stat(join(bench.state.archive, old.pool))).size).toBe(old.bytes);
    await publish(bench, [old]);
    await apt.update();
    expect(await apt.names()).toEqual(['python3-aaa']);
    await publish(bench, []);
    await apt.update();
    expect(await apt.names()).toEqual([]);
  });

  test('the key is made once, signs every InRelease, and gpgv accepts it', async () => {
    await publish(bench, [await row(bench, 'aaa')]);
    const key = await ensureSigningKey(bench.state);
    await publish(bench, [await row(bench, 'bbb')]);
    expect(await ensureSigningKey(bench.state)).toEqual(key);
    const ring = join(bench.folder, 'ring.gpg');
    await run('gpg', ['--homedir', bench.folder, '--dearmor', '-o', ring, key.publicKeyFile]);
    const { stderr } = await run('gpgv', ['--keyring', ring, join(bench.state.archive, 'dists', SUITE, 'InRelease')]);
    expect(stderr).toContain(key.fingerprint);
    expect((await stat(bench.state.keys)).mode & 0o777).toBe(0o700);
    expect((await stat(key.publicKeyFile)).mode & 0o777).toBe(0o644);
  });

  test('a damaged key folder is told, and never replaced', async () => {
    await publish(bench, [await row(bench, 'aaa')]);
    await writeFile(join(bench.state.keys, 'archive/fingerprint'), 'x\n');
    await expect(publish(bench, [])).rejects.toMatchObject({ code: 'signing-failed' });
  });

  test('dates: a minute back, and never before the last one', async () => {
    const dateOf = async (): Promise<number> =>
      Date.parse(
        /^Date: (.*)$/m.exec(await readFile(join(bench.state.archive, 'dists', SUITE, 'InRelease'), 'utf8'))?.[1] ?? '',
      );
    const now = new Date(Math.floor(Date.now() / 1000) * 1000);
    await publish(bench, [], now);
    expect(await dateOf()).toBe(now.getTime() - 60_000);
    await publish(bench, [], new Date(now.getTime() - 30_000));
    expect(await dateOf()).toBe(now.getTime() - 60_000);
    await (await openApt(bench)).update();
  });

  test('replaced by-hash files stay for three generations, and for seven days', async () => {
    const day = 24 * 3600 * 1000;
    const start = Date.now() - 30 * day;
    const counts: number[] = [];
    // A generation a day for twelve days; only binary-all changes: three files each, and three of the empty amd64.
    for (let index = 0; index < 12; index += 1) {
      await publish(bench, [await row(bench, `g${index}`)], new Date(start + index * day));
      counts.push((await byHashFiles(bench)).length);
    }
    expect(counts).toEqual([6, 9, 12, 15, 18, 21, 24, 27, 27, 27, 27, 27]);
    await publish(bench, [await row(bench, 'late')], new Date(start + 29 * day));
    expect((await byHashFiles(bench)).length).toBe(3 + 3 * 4);
    for (const name of await byHashFiles(bench)) {
      const content = await readFile(join(bench.state.archive, 'dists', SUITE, name));
      expect(createHash('sha256').update(content).digest('hex')).toBe(name.slice(-64));
    }
    await (await openApt(bench)).update();
  });

  test('an architecture that was published once stays', async () => {
    const rows = [await row(bench, 'aaa')];
    await publishArchive(
      { state: bench.state, suite: SUITE, architectures: ['arm64', 'amd64'], rows, now: new Date() },
      SIGNAL,
    );
    await publish(bench, rows);
    expect(await readFile(join(bench.state.archive, 'dists', SUITE, 'InRelease'), 'utf8')).toContain(
      '\nArchitectures: all amd64 arm64\n',
    );
  });
});

describe('what may not be published', () => {
  test.each<[string, (good: ArchiveRow) => Partial<ArchiveRow>]>([
    ['another version in the control fields', () => ({ version: '2.0' })],
    ['a second stanza', (good) => ({ control: `${good.control}\nPackage: evil\nVersion: 1\n` })],
    ['Essential', (good) => ({ control: `Essential: yes\n${good.control}` })],
    ['a Filename of its own', (good) => ({ control: `${good.control}Filename: pool/x.deb\n` })],
    ['a pool path outside', () => ({ pool: 'pool/../../x.deb' })],
    ['a wrong hash', () => ({ sha256: '0'.repeat(64) })],
    ['a wrong size', (good) => ({ bytes: good.bytes + 1 })],
    ['a missing blob', () => ({ blob: '/nonexistent' })],
  ])('%s: refused, and the published generation stays', async (_, change) => {
    const good = await row(bench, 'aaa');
    await publish(bench, [good]);
    const bad = await row(bench, 'bad');
    await expect(publish(bench, [good, { ...bad, ...change(bad) }])).rejects.toMatchObject({
      code: expect.stringMatching(/^(publish-refused|bad-deb822)$/) as string,
    });
    const apt = await openApt(bench);
    await apt.update();
    expect(await apt.names()).toEqual(['python3-aaa']);
  });

  test('the same version with other contents', async () => {
    const rows = [await row(bench, 'aaa'), await row(bench, 'aaa', '1.0-0~pypi1~deb12', 'all', 'other')];
    await expect(publish(bench, rows)).rejects.toMatchObject({ code: 'publish-refused' });
  });

  test('an abort leaves the published generation', async () => {
    await publish(bench, [await row(bench, 'aaa')]);
    const rows = [await row(bench, 'bbb')];
    const input = { state: bench.state, suite: SUITE, architectures: ['amd64'], rows, now: new Date() };
    await expect(publishArchive(input, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    const apt = await openApt(bench);
    await apt.update();
    expect(await apt.names()).toEqual(['python3-aaa']);
  });
});

describe('sourcesText', () => {
  test('names the key file where everyone may read it', async () => {
    await publish(bench, [await row(bench, 'aaa')]);
    expect(sourcesText(bench.state, SUITE, ['amd64'])).toBe(
      `Types: deb\nURIs: file:${bench.state.archive}\nSuites: ${SUITE}\nComponents: main\nArchitectures: amd64\nSigned-By: ${bench.state.archive}/rennet.asc\n`,
    );
  });

  test.each([
    ['a closed folder on the way', 'state', 0o700],
    ['blanks and letters in the path', 'st ate+ü', 0o755],
    ['both', 'st ate', 0o700],
  ])('works as printed with %s', async (_, name, mode) => {
    await closeBench(bench);
    bench = await openBench(join('home', name));
    await publish(bench, [await row(bench, 'aaa')]);
    await chmod(join(bench.folder, 'home'), mode);
    const apt = await openApt(bench);
    expect(await apt.update()).not.toMatch(/^(?:[WE]: |Err)/m);
    expect(await apt.names()).toEqual(['python3-aaa']);
    await apt.call('apt-get', 'install', '--download-only', 'python3-aaa');
  });

  test('a state folder whose path leaves no room for a socket', async () => {
    await closeBench(bench);
    bench = await openBench(join('d'.repeat(100), 'e'.repeat(60)));
    await publish(bench, [await row(bench, 'aaa')]);
    await (await openApt(bench)).update();
  });
});
