import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareVersions, isPrerelease } from '../python/version.ts';
import { judgeReleases } from './candidates.ts';
import { choose, MAX_METADATA_READS } from './chooser.ts';
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

test('no more metadata is read than the bound', async () => {
  const all = Array.from(
    { length: 40 },
    (_, at): Truth => ({ version: `1.${at}`, source: 'sdist', yanked: false, oldPython: false, met: false }),
  );
  expect(await run(all, '')).toMatchObject({ reads: MAX_METADATA_READS, choice: { step: 'none', version: '1.39' } });
});
