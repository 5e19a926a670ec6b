import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPipResult } from '../bench/corpus/pip/result.ts';
import { ensurePipRoot, PIP_UID } from '../bench/corpus/pip/root.ts';
import { type Confined, runConfined } from '../bench/corpus/pip/sandbox.ts';
import { hostTarget } from '../src/debian/apt-host.ts';
import { type Target, formatTarget } from '../src/model/target.ts';
import { jsonPage } from '../src/python/testing/index-server.ts';
import { type EndedCommand, expectError, rennet, startRennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { machineState } from './support/images.ts';

// The corpus bench over made-up projects of a loopback index, each ending in its own way: real guests, real apt, real pip.

/** The first test on a machine makes the images and a root with pip. */
const SETUP_MS = 900_000;
const { signal } = new AbortController();
let index: DemoIndex;
let demo: DemoState;
let target: Target;
let out: string;
let list: string;
beforeAll(async () => {
  target = await hostTarget(signal);
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  // pip's root is made once for all runs of the tests, too.
  await mkdir(demo.state.cache, { recursive: true });
  await mkdir(join(machineState.cache, 'bench-pip'), { recursive: true });
  await symlink(join(machineState.cache, 'bench-pip'), join(demo.state.cache, 'bench-pip'));
  out = join(demo.temporary, '../out');
  list = join(demo.temporary, '../list.tsv');
  for (const release of [
    { project: 'corpus-published' },
    { project: 'corpus-fails', hook: "raise ValueError('no')" },
    { project: 'corpus-unsatisfiable', metadata: ['Requires-Dist: six>=99'] },
  ])
    await index.add(release);
  await index.add({ project: 'corpus-python' }, { 'requires-python': '>=4' });
  const wheel = {
    filename: 'corpus_binary-1.0-cp311-cp311-manylinux_2_17_x86_64.whl',
    hashes: { sha256: '0'.repeat(64) },
  };
  index.answers['/simple/corpus-binary/'] = jsonPage('corpus-binary', [{ ...wheel, url: `${index.url}/files/none` }]);
  await writeFile(list, LIST.map((project) => `${project}\t${project === 'six' ? 'top' : 'made-up'}\n`).join(''));
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

const LIST = ['corpus-published', 'six', 'corpus-binary', 'corpus-python', 'corpus-fails', 'corpus-unsatisfiable'];
const args = (...more: readonly string[]) => [
  'bench',
  'corpus',
  '--list',
  list,
  '--out',
  out,
  '--driver',
  'namespace',
  '--allow-unisolated',
  ...more,
  ...demo.args,
];
const env = () => ({ ...index.env, TMPDIR: demo.temporary });
const run = (...more: readonly string[]): Promise<EndedCommand> => rennet(args(...more), { env: env() });
const prefix = () => `corpus.${target.suite}-${target.architecture}`;
const place = (name: string) => join(out, `${target.suite}-${target.architecture}`, name);
const stepsOf = ({ stderr }: EndedCommand) =>
  [...stderr.matchAll(/(\d of \d): building (\S+)$/gm)].map(([, n, what]) => `${n} ${what}`);
const share = (ended: EndedCommand, name: string) => {
  const found = ended.events.find((event) => event.event === 'figure' && event['name'] === `${prefix()}.${name}`);
  return found && [found['median'], found['unit'], found['n']];
};

describe('a run that is stopped goes on where it was', () => {
  let whole: EndedCommand;
  beforeAll(async () => {
    await index.add({ project: 'corpus-published', hook: 'import time\ntime.sleep(300)' });
    const stopped = startRennet(args('--limit', '2'), { env: env() });
    await stopped.says(/1 of 2: building corpus-published$/m);
    // Its build sleeps, so it cannot end by itself from here on.
    while (!index.asked.includes('/files/corpus-published-1.0.tar.gz') && stopped.child.exitCode === null)
      await sleep(50);
    stopped.child.kill('SIGINT');
    const ended = await stopped.ended;
    expectError(ended, 'cancelled', 3);
    // Nothing has ended, and nothing that was begun counts as ended.
    expect((await readdir(place('.'))).filter((name) => name.endsWith('.done'))).toEqual([]);
    await index.add({ project: 'corpus-published' });
    const half = await run('--limit', '2');
    expect(stepsOf(half)).toEqual(['1 of 2 corpus-published', '2 of 2 corpus-python']);
    whole = await run();
  }, SETUP_MS);

  test('only what has no end is run', () => {
    expect(whole.status, whole.stderr).toBe(0);
    expect(stepsOf(whole)).toEqual([
      '2 of 6 six',
      '3 of 6 corpus-binary',
      '5 of 6 corpus-fails',
      '6 of 6 corpus-unsatisfiable',
    ]);
  });

  test('each project ends as it must, with its class and sentence', () => {
    const failures = whole.events.filter(({ event }) => event === 'failure');
    expect(failures.map((it) => [it['project'], it['outcome'], it['class']])).toEqual([
      ['corpus-binary', 'no-source', ''],
      ['corpus-python', 'not-for-target', ''],
      ['corpus-fails', 'build-failed', 'back-end-error'],
      ['corpus-unsatisfiable', 'unsatisfiable', ''],
    ]);
    for (const { sentence } of failures) expect(sentence).toMatch(/^corpus-.*\.$/);
    expect(String(failures[2]?.['sentence'])).toContain('ValueError: no');
  });

  test('figures', () => {
    expect(share(whole, 'success')).toEqual([50, '%', 4]);
    expect(share(whole, 'unknown')).toEqual([0, '%', 6]);
    expect(share(whole, 'outcome.published')).toEqual([16.7, '%', 6]);
    expect(share(whole, 'stratum.top.success')).toEqual([100, '%', 1]);
    expect(share(whole, 'stage.build')).toEqual([expect.any(Number), 'ms', 2]);
  });

  test('a run of what is done runs nothing; one outcome can be run again', async () => {
    expect(stepsOf(await run())).toEqual([]);
    await index.add({ project: 'corpus-fails' });
    const again = await run('--again', 'build-failed');
    expect(stepsOf(again)).toEqual(['5 of 6 corpus-fails']);
    expect(share(again, 'success')).toEqual([75, '%', 4]);
  });

  test('a build that takes too long is ended and counts as such', async () => {
    await index.add({ project: 'corpus-sleeps', hook: 'import time\ntime.sleep(300)' });
    await writeFile(`${list}.one`, 'corpus-sleeps\n');
    const ended = await rennet(args('--list', `${list}.one`, '--minutes', '0.1'), { env: env() });
    expect(
      ended.events.find(({ event }) => event === 'failure'),
      ended.stderr,
    ).toMatchObject({
      outcome: 'infrastructure',
      class: 'time-bound',
    });
    expect(await readFile(place('corpus-sleeps.done'), 'utf8')).toMatch(/^124 /);
  });

  test('the report: JSON, and a page that loads nothing', async () => {
    const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8'));
    expect(report).toMatchObject({ format: 1, targets: [{ target: formatTarget(target) }] });
    const page = await readFile(join(out, 'report.html'), 'utf8');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/<(?:script|img|link|iframe)|(?:src|href)=/);
  });

  test('pip is asked for them too, in a root of its own', async () => {
    const asked = ['corpus-published', 'six', 'corpus-unsatisfiable'];
    await writeFile(`${list}.pip`, asked.join('\n'));
    const ended = await run('--list', `${list}.pip`, '--reference', 'pip');
    const results = await Promise.all(asked.map((project) => readPipResult(place(`${project}.pip.json`))));
    // six is not on this index, and official all the same.
    expect(
      results.map((result) => result && [result.class ?? 'ok', result.version, result.modules]),
      ended.stderr,
    ).toEqual([
      ['ok', '1.0', ['corpus_published']],
      ['not-found', '', []],
      ['not-found', '', []],
    ]);
    expect(share(ended, 'pip')).toEqual([33.3, '%', 3]);
    expect(share(ended, 'success-of-pip')).toEqual([100, '%', 2]);
    expect(ended.stderr).toMatch(/^Rennet manages and pip does not \(1\): six$/m);
    const left = await readdir(join(demo.state.cache, 'bench-pip', `${target.suite}-${target.architecture}`));
    expect(left).not.toContain('work');
  });
});

describe('what the bench does not take', () => {
  const refused = async (...more: readonly string[]) =>
    rennet(['bench', 'corpus', '--list', list, '--out', out, ...more, ...demo.args], { env: env() });

  test('upload code without isolation, unless it is asked for', async () => {
    expectError(await refused('--driver', 'namespace'), 'not-isolated', 2);
    const { sentence } = expectError(await refused('--reference', 'pip'), 'not-isolated', 2);
    expect(sentence).toContain('upload code');
  });

  test('a bad line, a list that is not there', async () => {
    await writeFile(`${list}.bad`, 'six\ttop\n../etc\ttop\n');
    expect(expectError(await refused('--list', `${list}.bad`), 'bad-usage', 2).sentence).toMatch(
      /^Line 2 of the list /,
    );
    expectError(await refused('--list', `${list}.none`), 'bad-usage', 2);
  });

  test('an index with a password, which upload code could read', async () => {
    const PIP_INDEX_URL = index.env.PIP_INDEX_URL.replace('//', '//me:secret@');
    const ended = await rennet(args('--reference', 'pip', '--reference-only'), { env: { ...env(), PIP_INDEX_URL } });
    expect(expectError(ended, 'bad-usage', 2).sentence).not.toContain('secret');
  });
});

describe("what runs in pip's root", () => {
  let confined: Confined;
  beforeAll(async () => {
    const root = await ensurePipRoot(target, machineState, () => {}, signal);
    const [work, cache] = [join(demo.temporary, '../work'), join(demo.temporary, '../cache')];
    confined = {
      root,
      work,
      cache,
      files: {},
      env: { PATH: '/usr/bin:/bin' },
      network: false,
      command: [],
      bounds: { wallMs: 60_000, memoryMiB: 256, processes: 64, diskMiB: 64 },
    };
  }, SETUP_MS);
  const sh = (script: string, bounds: Partial<Confined['bounds']> = {}) =>
    runConfined(
      { ...confined, command: ['sh', '-c', script], bounds: { ...confined.bounds, ...bounds } },
      `test-${process.pid}`,
      signal,
    );

  test('is nobody, without capabilities, sees no file and no process of the host', async () => {
    const secret = join(demo.temporary, '../secret');
    await writeFile(secret, 'x');
    const { stdout, stderr } = await sh(
      `id -u; grep ^CapEff /proc/self/status; grep ^NoNewPrivs /proc/self/status; cat ${secret}; touch /usr/x; ls -d /proc/[0-9]* | wc -l; cat /proc/net/dev | grep -vc lo:`,
    );
    const [uid, capabilities, privileges, processes, interfaces] = stdout.trim().split('\n');
    expect([uid, capabilities, privileges]).toEqual([`${PIP_UID}`, 'CapEff:\t0000000000000000', 'NoNewPrivs:\t1']);
    expect(Number(processes)).toBeLessThan(8);
    expect(interfaces).toBe('2');
    expect(stderr).toMatch(/secret: No such file[^]*Read-only file system/);
  });

  test('is ended by its bound on time, with all that it has started', async () => {
    const seconds = `${600 + (process.pid % 100)}.${process.pid}`;
    const ended = await sh(`setsid sleep ${seconds} & sleep ${seconds}`, { wallMs: 1000 });
    expect(ended).toMatchObject({ status: null, bound: 'time' });
    expect(await commandLines()).not.toContain(seconds);
  });

  test('is ended when the run is cancelled', async () => {
    const seconds = `${700 + (process.pid % 100)}.${process.pid}`;
    const abort = new AbortController();
    const ended = runConfined({ ...confined, command: ['sleep', seconds] }, `test-${process.pid}`, abort.signal).catch(
      String,
    );
    while (!(await commandLines()).includes(`\nsleep\0${seconds}`)) await sleep(20);
    abort.abort(new Error('enough'));
    expect(await ended).toBe('Error: enough');
    expect(await commandLines()).not.toContain(seconds);
  });

  test('is ended by its bound on memory', async () => {
    const { status, stdout } = await sh('python3 -c "b = bytearray(600 << 20); print(len(b))"');
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
  });

  test('is ended by its bound on disk', async () => {
    const ended = await sh('for n in 1 2 3; do head -c 40M /dev/zero >file$n; done; sleep 60', { diskMiB: 64 });
    expect(ended).toMatchObject({ bound: 'disk' });
  });
});

async function commandLines(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return texts.join('\n');
}
