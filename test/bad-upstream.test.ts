import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BAD_BUILDS, BAD_REQUIREMENTS } from './support/bad-builds.ts';
import { type BadRelease, sdist } from './support/bad-releases.ts';
import { BAD_SDISTS, BAD_SOURCES } from './support/bad-sdists.ts';
import { openChroot } from './support/chroot.ts';
import { type EndedCommand, expectSentence, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// What can be wrong with a release: each fault ends in the right outcome with its sentence. Real guests, a loopback index.

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

const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });
const build = (...projects: readonly string[]): Promise<EndedCommand> =>
  run('build', ...projects, '--jobs', '2', '--overcommit', '--driver', 'namespace', '--allow-unisolated');

const endOf = (event: Readonly<Record<string, unknown>> | undefined) => ({
  outcome: event?.['outcome'],
  because: event?.['class'] ?? event?.['rule'] ?? event?.['limit'],
  sentence: event?.['sentence'],
});

describe.each<[string, readonly BadRelease[]]>([
  ['what is read', BAD_SDISTS],
  ['what is built', BAD_BUILDS],
  ['what is required', BAD_REQUIREMENTS],
  ['what there is to build', BAD_SOURCES],
])('%s', (_what, releases) => {
  let ended: EndedCommand;
  beforeAll(async () => {
    for (const { project, files } of releases) index.put(project, files(project));
    await index.add({ project: 'all-yanked' }, { yanked: 'bad' });
    ended = await build(...releases.map(({ project }) => project));
  }, SETUP_MS);

  test.each(releases.map((release) => [release.fault, release] as const))('%s', (_fault, release) => {
    const { project, outcome, because, says } = release;
    const found = ended.events.filter((event) => event.event === 'attempt' && event['project'] === project);
    expect(found, ended.stderr.slice(-2000)).toHaveLength(1);
    expect(endOf(found[0])).toEqual({ outcome, because, sentence: expect.stringMatching(says) });
    expectSentence(String(found[0]?.['sentence']));
  });
});

test('of a release that cannot be read an older one is taken, and the plan says why', async () => {
  const two = { version: '2.0', more: [{ name: '/other/b' }] };
  index.put('bad-newest', { ...sdist()('bad-newest'), ...sdist(two)('bad-newest') });
  const planned = await run('plan', 'bad-newest');
  expect(planned.events[0]).toMatchObject({
    heldBack: [{ version: '2.0', reason: expect.stringContaining('cannot be read: The archive has') }],
  });
});

describe("a package made from upstream's wheel", () => {
  test('is marked as such by build, list and why, in its ledger and provenance', async () => {
    const [why] = (await run('why', 'bad-fails')).events;
    expect(why).toMatchObject({
      madeFrom: 'wheel',
      provenance: {
        madeFrom: 'wheel',
        source: { filename: 'bad_fails-1.0-py3-none-any.whl' },
        inPlaceOf: { filename: 'bad-fails-1.0.tar.gz', outcome: { kind: 'build-failed', class: 'back-end-error' } },
      },
      ledger: expect.arrayContaining([
        expect.objectContaining({ fact: 'bad-fails-1.0.tar.gz', fate: 'left-out' }),
        expect.objectContaining({
          fact: 'bad_fails-1.0-py3-none-any.whl',
          detail: expect.stringContaining("made from upstream's own wheel, because its sdist cannot be built"),
        }),
      ]),
    });
    const madeFrom = new Map((await run('list')).events.map((event) => [event['project'], event['madeFrom']]));
    expect(madeFrom.get('bad-fails')).toBe('wheel');
    expect(madeFrom.get('bad-only-wheel')).toBe('wheel');
    expect(madeFrom.get('bad-zip')).toBe('sdist');
  });

  test(
    'says so to who looks at it with apt',
    async () => {
      const system = await openChroot(demo.state.archive);
      try {
        const { events } = await build('bad-fails');
        await system.write('/etc/apt/sources.list.d/rennet.sources', String(events.at(-1)?.['sources']));
        const shown = await system.run('apt-get update --quiet=2 && apt-cache show python3-bad-fails python3-bad-zip');
        const text = shown.replaceAll(/\s+/g, ' ');
        expect(text).toMatch(
          /upstream's own wheel of release 1\.0 of the project bad-fails .* nothing of it was built from/,
        );
        expect(text).toContain('built automatically from release 1.0 of the project bad-zip');
      } finally {
        await system.close();
      }
    },
    SETUP_MS,
  );
});
