import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allGone, aptNames, commandLines, expectNoTraces, until } from './support/aftermath.ts';
import { expectAttempt, expectError, rennet, type RunningCommand, startRennet } from './support/command.ts';
import { type DemoIndex, type DemoRelease, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { descendants } from './support/traces.ts';

// ^C and kill -9 at every stage of a build: the same folder and index for all of them, so that each stage meets what the last one left.

/** The first test on a machine makes the images. */
const MAKING_IMAGES_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
/** Packages that apt finds; nothing else may ever appear. */
const published: string[] = [];

beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  await index.add({ project: 'rennet-first' });
  // The database and the keeper run from here on, as children of nobody.
  expectAttempt(await build('rennet-first').ended, 'published', 0);
  published.push('python3-rennet-first');
}, MAKING_IMAGES_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

function build(project: string, env: Readonly<Record<string, string>> = {}): RunningCommand {
  const args = ['build', project, '--driver', 'namespace', '--allow-unisolated', ...demo.args];
  return startRennet(args, { env: { ...index.env, TMPDIR: demo.temporary, ...env } });
}

interface Stage {
  readonly name: string;
  /** Prepares the release; gives what to wait for before the kill. */
  readonly reach: (project: string) => Promise<(running: RunningCommand) => Promise<void>>;
  /** False where the attempt has not begun when it is killed. */
  readonly begun: boolean;
}

const says = (words: (project: string) => string, release: Partial<DemoRelease> = {}, guest = false) => {
  return async (project: string) => {
    await index.add({ project, ...release });
    return async (running: RunningCommand) => {
      await running.says(new RegExp(words(project)));
      if (guest) await until(async () => (await commandLines(running)).some((line) => line.includes('agent.py')));
    };
  };
};

const STAGES: readonly Stage[] = [
  {
    name: 'the index is asked',
    begun: false,
    async reach(project) {
      const asked = new Promise<void>((resolve) => {
        index.answers[`/simple/${project}/`] = () => resolve();
      });
      return () => asked;
    },
  },
  {
    name: 'a download runs',
    begun: false,
    async reach(project) {
      const { path, bytes } = await index.add({ project });
      const half = new Promise<void>((resolve) => {
        index.answers[path] = (_request, response) => {
          response.writeHead(200, { 'content-length': bytes.length });
          response.write(bytes.subarray(0, 100), () => setTimeout(resolve, 200));
        };
      });
      return () => half;
    },
  },
  { name: 'the inputs are staged', begun: true, reach: says((project) => `preparing the build of ${project}`) },
  {
    name: 'the build guest runs',
    begun: true,
    reach: says((project) => `building ${project}`, { hook: 'import time\ntime.sleep(1000)' }, true),
  },
  { name: 'the wheel is judged', begun: true, reach: says((project) => `judging the wheel of ${project}`) },
  {
    name: 'the check guest runs',
    begun: true,
    // Long enough to be seen, short enough for whoever builds it again.
    reach: says((project) => `checking python3-${project}`, { module: 'import time\ntime.sleep(4)' }, true),
  },
  { name: 'it is published', begun: true, reach: says((project) => `publishing python3-${project}`) },
];

describe.each(STAGES)('while $name', ({ reach, begun }) => {
  const number = STAGES.findIndex((stage) => stage.reach === reach);

  test('kill -9: everything of it dies, and the next start cleans up', async () => {
    const project = `rennet-killed-${number}`;
    const reached = await reach(project);
    const running = build(project);
    await reached(running);
    const pid = running.child.pid ?? 0;
    const family = await descendants(pid);
    process.kill(pid, 'SIGKILL');
    expect((await running.ended).signal).toBe('SIGKILL');
    await allGone(family);

    const list = await rennet(['list', ...demo.args], { env: { TMPDIR: demo.temporary } });
    expect(list.status, list.stderr).toBe(0);
    if (begun) expect(list.stderr).toContain(`${project} 1.0: The attempt was interrupted`);
    const names = await aptNames(demo);
    const here = names.includes(`python3-${project}`);
    // Only a kill between record and index rename lets the next start publish it; then it is there, whole.
    expect(here && !list.stderr.includes('is published again')).toBe(false);
    if (here) published.push(`python3-${project}`);
    expect(names).toEqual([...published].toSorted());
    await expectNoTraces(demo, pid);

    const attempts = await rennet(['list', '--attempts', ...demo.args]);
    const mine = attempts.events.filter((event) => event['project'] === project);
    expect(mine.map((event) => event['outcome'])).toEqual(begun ? [here ? 'published' : 'infrastructure'] : []);
  });

  test('^C: it ends as cancelled, says so, and leaves nothing', async () => {
    const project = `rennet-cancelled-${number}`;
    const reached = await reach(project);
    const running = build(project);
    await reached(running);
    const pid = running.child.pid ?? 0;
    const family = await descendants(pid);
    process.kill(pid, 'SIGINT');
    const ended = await running.ended;
    await allGone(family);
    expect(ended.stderr).toContain('SIGINT: ending the running work');
    if (ended.status === 0) {
      // ^C came when the package was recorded already: then it is published, and no one says otherwise.
      expectAttempt(ended, 'published', 0);
      published.push(`python3-${project}`);
    } else {
      expect(expectError(ended, 'cancelled', 3).sentence).toBe('The run was cancelled; nothing of it was published.');
      expectAttempt(ended, 'cancelled', 3);
    }
    expect(await aptNames(demo)).toEqual([...published].toSorted());
    await expectNoTraces(demo, pid);
  });
});
