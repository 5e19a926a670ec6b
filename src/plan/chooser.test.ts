import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareVersions, isPrerelease } from '../python/version.ts';
import { judgeReleases } from './candidates.ts';
import { choose, CLOSE_READS, FAR_READS } from './chooser.ts';
import { BOOKWORM, projectOf } from './testing/recorded.ts';

/** What is true of a release, told apart from how it is found out. */
interface Truth {
  readonly version: string;
  readonly source: 'sdist' | 'wheel' | 'binary';
  readonly yanked: boolean;
  readonly oldPython: boolean;
  readonly met: boolean;
}

const TRUTH = fc.record({
  version: fc
    .tuple(fc.nat(3), fc.nat(9), fc.constantFrom('', 'rc1', '.post1', '.dev2'))
    .map(([major, minor, rest]) => `${major}.${minor}${rest}`),
  source: fc.constantFrom('sdist', 'wheel', 'binary'),
  yanked: fc.boolean(),
  oldPython: fc.boolean(),
  met: fc.boolean(),
});

const FILE = { sdist: '.tar.gz', wheel: '-py3-none-any.whl', binary: '-cp311-cp311-win32.whl' };

async function run(truths: readonly Truth[], specifier: string) {
  const sorted = truths.toSorted((a, b) => compareVersions(b.version, a.version));
  const project = projectOf(
    'foo',
    sorted.map(({ version, source, yanked, oldPython }) => ({
      version,
      files: [
        {
          filename: `foo-${version}${FILE[source]}`,
          ...(yanked ? { yanked: true as const } : {}),
          ...(oldPython ? { requiresPython: '<3' } : {}),
        },
      ],
    })),
  );
  const judged = judgeReleases(project, specifier, BOOKWORM);
  const read: string[] = [];
  const choice = await choose(judged, ({ version }) => {
    expect(read).not.toContain(version);
    read.push(version);
    const met = truths.find((truth) => truth.version === version)?.met;
    return Promise.resolve(met ? { taken: version } : { as: 'unsatisfiable', reason: 'needs what is nowhere' });
  });
  return { sorted, choice, reads: read.length };
}

test('the newest release that fits is chosen, every newer one has a reason, and nothing older is looked at', async () => {
  const truths = fc.uniqueArray(TRUTH, { selector: ({ version }) => version, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(truths, async (all) => {
      const { sorted, choice, reads } = await run(all, '');
      const finals = all.some(({ version, yanked }) => !yanked && !isPrerelease(version));
      const fits = sorted.filter(
        ({ version, source, yanked, oldPython, met }) =>
          source !== 'binary' && !yanked && !oldPython && met && (!finals || !isPrerelease(version)),
      );
      if (choice.step === 'none') {
        expect(fits).toEqual([]);
        return;
      }
      const { version } = choice.candidate;
      expect(version).toBe(fits[0]?.version);
      const newer = sorted.filter((truth) => compareVersions(truth.version, version) > 0);
      expect(choice.heldBack.map((held) => held.version)).toEqual(newer.map((truth) => truth.version));
      expect(reads).toBeLessThanOrEqual(newer.length + 1);
    }),
    { numRuns: 300 },
  );
});

test('an exact version is chosen or refused, whatever else there is', async () => {
  const truths = fc.uniqueArray(TRUTH, { selector: ({ version }) => version, minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(truths, fc.nat(), async (all, pick) => {
      const truth = all[pick % all.length];
      if (truth === undefined) return;
      const { choice } = await run(all, `==${truth.version}`);
      const possible = truth.source !== 'binary' && !truth.oldPython && truth.met;
      expect(choice.step).toBe(possible ? 'chosen' : 'none');
      expect(choice.step === 'chosen' ? choice.candidate.version : choice.version).toBe(truth.version);
      expect(choice.heldBack).toEqual([]);
    }),
  );
});

function releases(versions: readonly string[], met: (version: string) => boolean): Truth[] {
  return versions.map((version) => ({ version, source: 'sdist', yanked: false, oldPython: false, met: met(version) }));
}

test('no more metadata is read than the bounds', async () => {
  const all = releases(
    Array.from({ length: 100 }, (_, at) => `1.${at}`),
    () => false,
  );
  expect(await run(all, '')).toMatchObject({
    reads: CLOSE_READS + FAR_READS,
    choice: { step: 'none', version: '1.99' },
  });
});

test('far back one release of each series is read, then those before it are halved', async () => {
  const versions = Array.from({ length: 130 }, (_, minor) =>
    Array.from({ length: 16 }, (__, patch) => `1.${minor}.${patch}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 129 }), fc.integer({ min: 0, max: 15 }), async (minor, patch) => {
      const newest = `1.${minor}.${patch}`;
      const all = releases(versions.flat(), (version) => compareVersions(version, newest) <= 0);
      const { choice, reads } = await run(all, '');
      expect(choice).toMatchObject({ step: 'chosen', candidate: { version: newest } });
      expect(reads).toBeLessThanOrEqual(CLOSE_READS + FAR_READS + 7);
      if (choice.step !== 'chosen') return;
      const held = choice.heldBack.map(({ version }) => version);
      expect(held).toEqual(held.toSorted((a, b) => compareVersions(b, a)));
      expect(held.every((other) => compareVersions(other, newest) > 0)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
