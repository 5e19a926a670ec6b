import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChroot } from './support/chroot.ts';
import { type EndedCommand, rennet } from './support/command.ts';
import { type DemoIndex, type DemoRelease, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// What a project requires and the suite lacks is built with it: real guests, a loopback index of made-up projects, real apt.

/** The first test on a machine makes the images. */
const SETUP_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

const build = (...args: readonly string[]): Promise<EndedCommand> =>
  run('build', '--driver', 'namespace', '--allow-unisolated', ...args);
const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });

interface Item {
  readonly project: string;
  readonly version: string;
  readonly action: string;
  readonly needs: readonly string[];
}
const attempts = (ended: EndedCommand) => ended.events.filter(({ event }) => event === 'attempt');
const outcomes = (ended: EndedCommand) =>
  attempts(ended).map(({ project, version, outcome }) => [project, version, outcome].join(' '));
const plans = (ended: EndedCommand) =>
  ended.events
    .filter(({ event }) => event === 'plan')
    .map((event) =>
      (event['items'] as Item[]).map(({ project, version, action }) => `${project} ${version} ${action}`),
    );
const needing = (...texts: readonly string[]) => texts.map((text) => `Requires-Dist: ${text}`);

async function offer(...releases: readonly DemoRelease[]): Promise<void> {
  for (const release of releases) await index.add(release);
}

describe('three projects of which one requires the others', () => {
  let ended: EndedCommand;
  beforeAll(async () => {
    await offer(
      { project: 'tree-a', metadata: needing('tree-b[fast]>=1,<2', 'tree-c', 'six') },
      {
        project: 'tree-b',
        version: '1.5',
        metadata: [...needing('tree-c>=1', 'tree-d; extra == "fast"'), 'Provides-Extra: fast'],
      },
      { project: 'tree-b', version: '2.0' },
      { project: 'tree-c' },
      { project: 'tree-d' },
    );
    ended = await build('tree-a');
  }, SETUP_MS);

  test('the plan has them in the order in which they are needed, and one version of each', () => {
    expect(ended.status, ended.stderr).toBe(0);
    expect(plans(ended)).toEqual([
      [
        'tree-c 1.0 build',
        'tree-b 1.5 build',
        'tree-d 1.0 build',
        expect.stringMatching(/^six \S+ official$/),
        'tree-a 1.0 build',
      ],
    ]);
  });

  test('each is one attempt and is published before it is needed', () => {
    const order = attempts(ended).map(({ project }) => project);
    expect(outcomes(ended).toSorted()).toEqual(
      ['a 1.0', 'b 1.5', 'c 1.0', 'd 1.0'].map((name) => `tree-${name} published`),
    );
    expect(order.indexOf('tree-c')).toBeLessThan(order.indexOf('tree-b'));
    expect(order.at(-1)).toBe('tree-a');
    expect(ended.events.at(-1)).toMatchObject({ event: 'summary', published: 4, failed: 0 });
  });

  test("it is checked with Rennet's own packages and no others", async () => {
    const [why] = (await run('why', 'tree-a')).events;
    const names = ['b', 'c', 'd'].map((name) => expect.stringMatching(`^python3-tree-${name}_`) as string);
    expect(why).toMatchObject({ evidence: { ownDependencies: expect.arrayContaining(names) as string[] } });
    expect((why?.['evidence'] as { ownDependencies: string[] } | undefined)?.ownDependencies).toHaveLength(
      names.length,
    );
  });

  test(
    'apt installs all of it with the printed lines',
    async () => {
      const system = await openChroot(demo.state.archive);
      try {
        await system.write('/etc/apt/sources.list.d/rennet.sources', String(ended.events.at(-1)?.['sources']));
        await system.run('apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y python3-tree-a');
        const depends = await system.run("dpkg-query -W -f '${Depends}' python3-tree-a");
        expect(depends).toBe(
          'python3:any, python3-tree-b (>= 1.0-0~), python3-tree-b (<< 2.0~~), python3-tree-d, python3-tree-c, python3-six',
        );
        await system.run("python3 -c 'import tree_a, tree_b, tree_c, tree_d, six'");
        expect(await system.run('dpkg --audit; apt-get check --quiet=2')).toBe('');
      } finally {
        await system.close();
      }
    },
    SETUP_MS,
  );

  test('what is published serves further ones, and is not broken by newer releases', async () => {
    await offer({ project: 'tree-e', metadata: needing('tree-b') });
    const more = await build('tree-e');
    expect(plans(more)).toEqual([['tree-b 1.5 built', 'tree-e 1.0 build']]);
    expect(outcomes(more)).toEqual(['tree-e 1.0 published']);
    // 2.0 would leave tree-a without its tree-b<2.
    const planned = await run('plan', 'tree-b');
    expect(plans(planned).at(-1)?.at(-1)).toBe('tree-b 1.5 built');
    expect(planned.events[0]?.['heldBack']).toEqual([
      { version: '2.0', reason: expect.stringMatching(/would break python3-tree-a .* \(<< 2\.0~~\)/) },
    ]);
  });
});

describe('what goes wrong', () => {
  test('a failure ends what requires it, by name; what does not goes on', async () => {
    await offer(
      { project: 'fails-a', metadata: needing('fails-b') },
      { project: 'fails-b', metadata: needing('fails-c') },
      { project: 'fails-c', hook: "raise ValueError('no')" },
      { project: 'fails-not' },
    );
    const ended = await build('fails-a', 'fails-not');
    expect(ended.status).toBe(1);
    expect(outcomes(ended).toSorted()).toEqual([
      'fails-a 1.0 unsatisfiable',
      'fails-b 1.0 unsatisfiable',
      'fails-c 1.0 build-failed',
      'fails-not 1.0 published',
    ]);
    const sentence = String(attempts(ended).find(({ project }) => project === 'fails-a')?.['sentence']);
    expect(sentence).toMatch(
      /^fails-a 1\.0 was not built: it requires fails-c 1\.0 by way of fails-b, which ended as build-failed: /,
    );
    expect(ended.events.at(-1)).toMatchObject({ published: 1, failed: 3 });
  });

  test('a cycle is named and nothing of it is built', async () => {
    await offer({ project: 'ring-a', metadata: needing('ring-b') }, { project: 'ring-b', metadata: needing('ring-a') });
    const ended = await build('ring-a');
    expect(outcomes(ended)).toEqual(['ring-a 1.0 unsatisfiable']);
    expect(attempts(ended)[0]?.['sentence']).toContain('ring-a → ring-b → ring-a');
  });
});

describe('requirements that only the build tells', () => {
  const untold = '2.1';

  test('are built while the attempt waits', async () => {
    await offer(
      { project: 'late-a', metadataVersion: untold, metadata: needing('late-b') },
      { project: 'late-b', metadata: needing('late-c') },
      { project: 'late-c' },
    );
    const ended = await build('late-a', '--jobs', '1');
    expect(outcomes(ended), ended.stderr).toEqual(
      ['late-c', 'late-b', 'late-a'].map((name) => `${name} 1.0 published`),
    );
    expect(plans(ended)).toEqual([['late-a 1.0 build'], ['late-c 1.0 build', 'late-b 1.0 build']]);
    const log = await run('log', String(attempts(ended).at(-1)?.['attempt']));
    const titles = log.events.map(({ line }) => String(line)).filter((line) => line.startsWith('── '));
    expect(titles).toEqual(['── build ──', '── check ──']);
  });

  test('a cycle of them is named', async () => {
    await offer(
      { project: 'loop-a', metadataVersion: untold, metadata: needing('loop-b') },
      { project: 'loop-b', metadataVersion: untold, metadata: needing('loop-a') },
    );
    const ended = await build('loop-a', '--jobs', '1');
    expect(outcomes(ended)).toEqual(['loop-b 1.0 unsatisfiable', 'loop-a 1.0 unsatisfiable']);
    for (const { sentence } of attempts(ended)) expect(sentence).toMatch(/loop-a → loop-b → loop-a/);
  });
});

describe('several at once', () => {
  test.each([
    ['2', 'both'],
    ['1', 'one'],
  ])('with --jobs %s, %s is at work when the first one ends', async (jobs, atWork) => {
    const projects = [`jobs-${jobs}-x`, `jobs-${jobs}-y`];
    await offer(...projects.map((project) => ({ project, hook: 'import time\ntime.sleep(2)' })));
    const ended = await build(...projects, '--jobs', jobs, '--overcommit');
    const [before = ''] = ended.stderr.split(/^published: /m);
    const begun = projects.filter((project) => new RegExp(`^building ${project} `, 'm').test(before));
    expect(begun, ended.stderr).toHaveLength(atWork === 'both' ? 2 : 1);
    expect(outcomes(ended).toSorted()).toEqual(projects.map((project) => `${project} 1.0 published`));
  });
});
