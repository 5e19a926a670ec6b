import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { allGone, aptNames, commandLines, expectNoTraces, until } from './support/aftermath.ts';
import { expectAttempt, expectError, rennet, type RunningCommand, startRennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { descendants } from './support/traces.ts';

// Interruptions between two steps that belong together, several rennets at once, and what a killed rennet leaves of real machines.

/** The first test on a machine makes the images. */
const MAKING_IMAGES_MS = 600_000;
const NAMESPACE = ['--driver', 'namespace', '--allow-unisolated'];
let index: DemoIndex;
const open: DemoState[] = [];
beforeAll(async () => {
  index = await startDemoIndex();
  await (await newState()).close();
}, MAKING_IMAGES_MS);
afterEach(async () => {
  for (const demo of open.splice(0)) await demo.close();
});
afterAll(() => index.close());

async function newState(): Promise<DemoState> {
  const demo = await stateWithImages();
  open.push(demo);
  return demo;
}

function build(demo: DemoState, project: string, driver: readonly string[], path?: string): RunningCommand {
  const env = { ...index.env, TMPDIR: demo.temporary, ...(path ? { PATH: `${path}:${process.env['PATH']}` } : {}) };
  return startRennet(['build', project, ...driver, ...demo.args], { env });
}

/** A folder for PATH in which gpg's agent is this script. */
async function fakeGpg(demo: DemoState, script: string): Promise<string> {
  const folder = join(dirname(demo.state.root), 'bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'gpg-agent'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'gpg-agent'), 0o755);
  return folder;
}

test('killed between record and index: the next start that can publish does, and says so', async () => {
  const demo = await newState();
  await index.add({ project: 'rennet-demo' });
  const running = build(
    demo,
    'rennet-demo',
    NAMESPACE,
    await fakeGpg(demo, 'while kill -0 $PPID; do sleep 0.05; done'),
  );
  await until(async () => (await commandLines(running)).some((line) => line.includes('gpg-agent')), 120_000);
  const family = await descendants(running.child.pid);
  running.child.kill('SIGKILL');
  await running.ended;
  // The database and the keeper were started by this run, and stay.
  const stopped = await rennet(['stop', ...demo.args]);
  expect(stopped.events).toMatchObject([{ event: 'stopped', keeper: true, database: true }]);
  await allGone(family);

  const path = `${await fakeGpg(demo, 'echo "gpg: out of order" >&2; exit 2')}:${process.env['PATH']}`;
  const cannot = await rennet(['list', ...demo.args], { env: { PATH: path, TMPDIR: demo.temporary } });
  expect(cannot.status, cannot.stderr).toBe(0);
  expect(cannot.stderr).toContain('rennet-demo 1.0: The attempt was interrupted');
  expect(cannot.stderr).toContain('gpg could not sign the archive: gpg: out of order.');
  expect(cannot.events).toEqual([]);

  const can = await rennet(['list', ...demo.args], { env: { TMPDIR: demo.temporary } });
  expect(can.stderr).toContain(
    'bookworm is published again after an interruption, with python3-rennet-demo 1.0-0~pypi1',
  );
  expect(can.events).toMatchObject([{ event: 'package', package: 'python3-rennet-demo' }]);
  expect(await aptNames(demo)).toEqual(['python3-rennet-demo']);
  await expectNoTraces(demo, running.child.pid ?? 0);

  const why = await rennet(['why', 'rennet-demo', ...demo.args]);
  expect(why.events[0]).toMatchObject({
    outcome: 'published',
    sentence: expect.stringMatching(
      /^rennet-demo 1\.0 is published as python3-rennet-demo 1\.0-0~pypi1~\S+ for bookworm, after an interruption\.$/,
    ) as string,
    file: expect.stringContaining('/pool/') as string,
  });

  const quiet = await rennet(['list', ...demo.args]);
  expect(quiet.stderr).not.toContain('interrupt');
  const again = await build(demo, 'rennet-demo', NAMESPACE).ended;
  expect(expectAttempt(again, 'published', 0)['sentence']).toContain('is published already');
});

describe('two rennets at once on one state folder', () => {
  test('the same project: one waits and says so, and it is published once', async () => {
    const demo = await newState();
    await index.add({ project: 'rennet-twin', hook: 'import time\ntime.sleep(2)' });
    const both = [build(demo, 'rennet-twin', NAMESPACE), build(demo, 'rennet-twin', NAMESPACE)];
    const [one, two] = await Promise.all(both.map(({ ended }) => ended));
    if (!one || !two) throw new Error('both end');
    for (const ended of [one, two]) expectAttempt(ended, 'published', 0);
    const sentence = /^Another Rennet \(process \d+\) builds rennet-twin for \S+; waiting for it\.$/m;
    expect([one, two].filter(({ stderr }) => sentence.test(stderr))).toHaveLength(1);
    expect([one, two].filter(({ stderr }) => stderr.includes('is published already'))).toHaveLength(1);
    const list = await rennet(['list', ...demo.args]);
    expect(list.events.map((event) => event['version'])).toEqual([expect.stringMatching(/^1\.0-0~pypi1~/)]);
    expect(await aptNames(demo)).toEqual(['python3-rennet-twin']);
  });

  test('different projects: both are published', async () => {
    const demo = await newState();
    const projects = ['rennet-left', 'rennet-right'];
    for (const project of projects) await index.add({ project });
    const ends = await Promise.all(projects.map((project) => build(demo, project, NAMESPACE).ended));
    for (const ended of ends) expectAttempt(ended, 'published', 0);
    expect(await aptNames(demo)).toEqual(['python3-rennet-left', 'python3-rennet-right']);
  });
});

describe('real machines', () => {
  const boots = ['--driver', 'qemu', '--accelerator', 'tcg', '--reset', 'overlay'];
  const clones = ['--driver', 'qemu', '--accelerator', 'tcg', '--reset', 'memory'];
  const hasQemu = async (running: RunningCommand) =>
    (await commandLines(running)).some((line) => /^\S*qemu-system-/.test(line));

  test.each([
    ['kill -9', 'a guest boots', boots, 'SIGKILL'],
    ['kill -9', 'a template is made', clones, 'SIGKILL'],
    ['^C', 'a guest boots', boots, 'SIGINT'],
    ['^C', 'a template is made', clones, 'SIGINT'],
  ] as const)('%s while %s', async (_what, _when, driver, signal) => {
    const demo = await newState();
    await index.add({ project: 'rennet-machine' });
    // Database and keeper are nobody's children from here on.
    expect((await rennet(['list', ...demo.args])).status).toBe(0);
    const running = build(demo, 'rennet-machine', driver);
    await running.says(/^building rennet-machine/m);
    await until(() => hasQemu(running));
    const family = await descendants(running.child.pid);
    running.child.kill(signal);
    const ended = await running.ended;
    if (signal === 'SIGINT') {
      expectError(ended, 'cancelled', 3);
      expectAttempt(ended, 'cancelled', 3);
    }
    await allGone(family);
    const list = await rennet(['list', ...demo.args], { env: { TMPDIR: demo.temporary } });
    expect(list.stderr.includes('The attempt was interrupted')).toBe(signal === 'SIGKILL');
    expect(list.events).toEqual([]);
    await expectNoTraces(demo, running.child.pid ?? 0);
    expect((await rennet(['template', 'list', ...demo.args])).events).toEqual([]);
  });
});
