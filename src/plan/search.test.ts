import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareVersions, specifierAccepts } from '../python/version.ts';
import { plan } from './plan.ts';
import { archiveOf, BOOKWORM, indexOfAll, type Recorded } from './testing/recorded.ts';

/* Small worlds, drawn at random, against a search that tries everything. */

const { signal } = new AbortController();
const PROJECTS = ['a', 'b', 'c', 'd', 'e'] as const;
const VERSIONS = ['3.0', '2.0', '1.0'] as const;

interface Requirement {
  readonly project: string;
  readonly specifier: string;
}
/** By `project version`; what is not there is no release. */
type World = ReadonlyMap<string, readonly Requirement[]>;
type Chosen = ReadonlyMap<string, string>;

const REQUIREMENT = fc.record({
  project: fc.constantFrom(...PROJECTS, 'gone'),
  specifier: fc.constantFrom('', '', '', '>=2', '<3', '<2', '==2.0', '!=3.0'),
});
const WORLD = fc
  .array(
    fc.tuple(fc.constantFrom(...PROJECTS), fc.constantFrom(...VERSIONS), fc.array(REQUIREMENT, { maxLength: 3 })),
    { minLength: 4, maxLength: 15 },
  )
  .map(
    (releases): World =>
      new Map(
        releases.map(([project, version, requirements]) => [
          `${project} ${version}`,
          requirements.filter((requirement) => requirement.project !== project),
        ]),
      ),
  )
  .filter((world) => VERSIONS.some((version) => world.has(`a ${version}`)));

async function planned(world: World) {
  const projects: Record<string, Recorded[]> = {};
  for (const project of PROJECTS)
    for (const version of VERSIONS) {
      const requirements = world.get(`${project} ${version}`);
      if (requirements === undefined) continue;
      const metadata = requirements.map((text) => `Requires-Dist: ${text.project}${text.specifier}`);
      (projects[project] ??= []).push({ version, files: [`${project}-${version}-py3-none-any.whl`], metadata });
    }
  const index = indexOfAll(projects);
  const request = { project: 'a', specifier: '', target: BOOKWORM, forceOfficial: false };
  const made = await plan(request, { index, archive: archiveOf([]), published: [] }, signal);
  return { ...made, asked: index.asked };
}

/** Does `chosen` have all that is required, each in a version that everybody takes, and nobody require himself by way of others? */
function isSound(world: World, chosen: Chosen): boolean {
  const requires = (project: string) => world.get(`${project} ${chosen.get(project) ?? ''}`) ?? [];
  const met = [...chosen.keys()].every((project) =>
    requires(project).every(({ project: other, specifier }) => {
      const version = chosen.get(other);
      return version !== undefined && specifierAccepts(specifier, version);
    }),
  );
  const reaches = (from: string, to: string, seen: ReadonlySet<string>): boolean =>
    requires(from).some(
      ({ project }) => project === to || (!seen.has(project) && reaches(project, to, new Set([...seen, project]))),
    );
  return met && ![...chosen.keys()].some((project) => reaches(project, project, new Set([project])));
}

/** The newest release of `a` with which anything goes together at all. */
function bestByTryingAll(world: World): string | undefined {
  const others = PROJECTS.filter((project) => project !== 'a');
  let combinations: Chosen[] = [new Map()];
  for (const project of others)
    combinations = combinations.flatMap((chosen) => [
      chosen,
      ...VERSIONS.filter((version) => world.has(`${project} ${version}`)).map((version) =>
        new Map(chosen).set(project, version),
      ),
    ]);
  return VERSIONS.filter((version) => world.has(`a ${version}`)).find((version) =>
    combinations.some((chosen) => isSound(world, reachable(world, new Map(chosen).set('a', version)))),
  );
}

/** Without what nobody requires; what is missing stays missing. */
function reachable(world: World, chosen: Chosen): Chosen {
  const kept = new Map<string, string>();
  const visit = (project: string): void => {
    const version = chosen.get(project);
    if (version === undefined || kept.has(project)) return;
    kept.set(project, version);
    for (const requirement of world.get(`${project} ${version}`) ?? []) visit(requirement.project);
  };
  visit('a');
  return kept;
}

test('a plan is found where there is one, with the newest release of what is wanted; it is sound and in build order', async () => {
  await fc.assert(
    fc.asyncProperty(WORLD, async (world) => {
      const { items, asked } = await planned(world);
      const best = bestByTryingAll(world);
      const last = items.at(-1);
      expect(last?.project).toBe('a');
      expect(last?.action).toBe(best === undefined ? 'blocked' : 'build');
      // Nothing is asked for twice.
      expect(new Set(asked).size).toBe(asked.length);
      if (best === undefined) return;
      expect(last?.version).toBe(best);
      const chosen = new Map(items.map(({ project, version }) => [project, version]));
      expect(chosen.size).toBe(items.length);
      expect(isSound(world, chosen)).toBe(true);
      expect(reachable(world, chosen)).toEqual(chosen);
      for (const [place, { needs, project, version }] of items.entries()) {
        const before = new Set(items.slice(0, place).map((item) => item.project));
        for (const need of needs) expect(before).toContain(need);
        expect(new Set(needs)).toEqual(
          new Set(world.get(`${project} ${version}`)?.map((requirement) => requirement.project)),
        );
      }
    }),
    { numRuns: 1500 },
  );
});

test('the same data give the same plan, and newer releases that are passed over have a reason', async () => {
  await fc.assert(
    fc.asyncProperty(WORLD, async (world) => {
      const [one, two] = [await planned(world), await planned(world)];
      expect(one).toEqual(two);
      const last = one.items.at(-1);
      if (last?.action !== 'build') return;
      const newer = VERSIONS.filter(
        (version) => world.has(`a ${version}`) && compareVersions(version, last.version) > 0,
      );
      expect(one.heldBack.map(({ version }) => version)).toEqual(newer);
      for (const { reason } of one.heldBack) expect(reason).toMatch(/^[^\n]{10,}$/);
    }),
    { numRuns: 200 },
  );
});
