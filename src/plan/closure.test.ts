import { expect, test } from 'vitest';
import { planAll } from './plan.ts';
import type { PlanRequest, PublishedPackage } from './ports.ts';
import { archiveOf, BOOKWORM, indexOfAll, type Recorded } from './testing/recorded.ts';

const { signal } = new AbortController();
const ARCHIVE = archiveOf([{ project: 'six', packageVersion: '1.16.0-4', upstreamVersion: '1.16.0' }]);

/** `{ 'a 2.0': ['b>=1'] }`: releases, newest first, with what they require; `x; extra == "y"` offers the extra. */
type Releases = Readonly<Record<string, readonly string[]>>;

function recorded(releases: Releases): Record<string, Recorded[]> {
  const projects: Record<string, Recorded[]> = {};
  for (const [release, requirements] of Object.entries(releases)) {
    const [name = '', version = ''] = release.split(' ');
    const extras = requirements.flatMap((text) => /extra == "(\w+)"/.exec(text)?.slice(1) ?? []);
    const metadata = [
      ...requirements.map((text) => `Requires-Dist: ${text}`),
      ...[...new Set(extras)].map((extra) => `Provides-Extra: ${extra}`),
    ];
    const files = [`${name}-${version}.tar.gz`, `${name}-${version}-py3-none-any.whl`];
    (projects[name] ??= []).push({ version, files, metadata });
  }
  return projects;
}

interface Options {
  readonly published?: readonly PublishedPackage[];
  readonly request?: Partial<PlanRequest>;
}

async function planOf(wanted: string, releases: Releases, { published = [], request = {} }: Options = {}) {
  const index = indexOfAll(recorded(releases));
  const requests = wanted.split(' ').map((text) => {
    const [, project = '', specifier = ''] = /^([\w-]+)(.*)$/.exec(text) ?? [];
    return { project, specifier, target: BOOKWORM, forceOfficial: false, ...request };
  });
  const { planned } = await planAll(requests, { index, archive: ARCHIVE, published }, signal);
  for (const { error } of planned) expect(error).toBeUndefined();
  const items = planned.map(({ plan }) => plan?.items ?? []);
  return {
    asked: index.asked,
    plans: items.map((list) => list.map(({ project, version, action }) => `${project} ${version} ${action}`)),
    needs: Object.fromEntries(items.flat().map(({ project, needs }) => [project, needs])),
    sentences: items.map((list) => list.at(-1)?.sentence ?? ''),
    heldBack: planned.map(({ plan }) => plan?.heldBack ?? []),
  };
}

const row = (project: string, upstream: string, depends = 'python3:any'): PublishedPackage => ({
  package: `python3-${project}`,
  project,
  upstream,
  version: `${upstream}-0~pypi1~deb12`,
  control: `Package: python3-${project}\nDepends: ${depends}\nArchitecture: all\n`,
});

test('the closure in build order, one version of each, official packages first', async () => {
  const { plans, needs, sentences, asked } = await planOf('a', {
    'a 1.0': ['b>=1,<2', 'c', 'six>=1.10'],
    'b 2.0': [],
    'b 1.5': ['c>=1'],
    'b 1.4': ['gone'],
    'c 1.0': [],
  });
  expect(plans).toEqual([['c 1.0 build', 'b 1.5 build', 'six 1.16.0 official', 'a 1.0 build']]);
  expect(needs).toMatchObject({ a: ['six', 'b', 'c'], b: ['c'], c: [] });
  expect(sentences[0]).toBe(
    "a 1.0: newest release; its requirements are met by python3-six 1.16.0-4 of bookworm and Rennet's own b 1.5, c 1.0.",
  );
  // Each page once, and no metadata of a release that is not looked at.
  expect(asked.toSorted()).toEqual(
    ['a', 'b', 'c', 'a-1.0-py3-none-any.whl', 'b-1.5-py3-none-any.whl', 'c-1.0-py3-none-any.whl'].toSorted(),
  );
});

test('a later demand makes an earlier choice older; the wanted release stays the newest', async () => {
  const { plans } = await planOf('a', { 'a 1.0': ['b', 'c'], 'b 3.0': [], 'b 2.0': [], 'b 1.0': [], 'c 1.0': ['b<2'] });
  expect(plans).toEqual([['b 1.0 build', 'c 1.0 build', 'a 1.0 build']]);
});

test('a release is held back by what its requirements require, by name', async () => {
  const { plans, heldBack } = await planOf('a', {
    'a 2.0': ['b>=2'],
    'a 1.0': ['b'],
    'b 2.0': ['c'],
    'b 1.0': [],
    'c 1.0': ['six>=2'],
  });
  expect(plans).toEqual([['b 1.0 build', 'a 1.0 build']]);
  expect(heldBack[0]).toEqual([
    {
      version: '2.0',
      reason:
        'cannot be built: b>=2 is required, bookworm has no package of it, and b 2.0 cannot be built: c is required, bookworm has no package of it, and c 1.0 cannot be built: six>=2 is required, and bookworm has 1.16.0 (python3-six 1.16.0-4)',
    },
  ]);
});

test('what blocks is shown from the bottom up', async () => {
  const { plans, needs } = await planOf('a', { 'a 1.0': ['b'], 'b 1.0': ['c>1'], 'c 1.0': [] });
  expect(plans).toEqual([['c  blocked', 'b 1.0 blocked', 'a 1.0 blocked']]);
  expect(needs).toEqual({ a: ['b'], b: ['c'], c: [] });
});

test('two who ask for what no release is are both named', async () => {
  const { sentences } = await planOf('a', {
    'a 1.0': ['b', 'c'],
    'b 1.0': ['d<2'],
    'c 1.0': ['d>=2'],
    'd 2.0': [],
    'd 1.0': [],
  });
  expect(sentences[0]).toContain('d<2 (b 1.0) and d>=2 (c 1.0)');
});

test.each([
  ['a', { 'a 1.0': ['b'], 'b 1.0': ['a'] }, 'a → b → a'],
  ['a', { 'a 1.0': ['b'], 'b 1.0': ['c'], 'c 1.0': ['b'] }, 'b → c → b'],
  ['a', { 'a 1.0': ['b[x]'], 'b 1.0': ['c; extra == "x"'], 'c 1.0': ['a'] }, 'a → c → a'],
])('a cycle is named', async (wanted, releases: Releases, cycle) => {
  const { sentences, plans } = await planOf(wanted, releases);
  expect(plans[0]?.at(-1)).toBe('a 1.0 blocked');
  expect(sentences[0]).toContain(cycle);
});

test('an older release that is in no cycle is taken', async () => {
  const { plans } = await planOf('a', { 'a 1.0': ['b'], 'b 2.0': ['a'], 'b 1.0': [] });
  expect(plans).toEqual([['b 1.0 build', 'a 1.0 build']]);
});

test('extras bring their requirements to those who name them, also by way of other extras', async () => {
  const { plans, needs } = await planOf('a', {
    'a 1.0': ['b[all]'],
    'b 1.0': ['b[fast]; extra == "all"', 'c>=1; extra == "fast"', 'six; extra == "fast"', 'gone; extra == "slow"'],
    'c 1.0': [],
  });
  expect(plans).toEqual([['b 1.0 build', 'c 1.0 build', 'six 1.16.0 official', 'a 1.0 build']]);
  expect(needs).toMatchObject({ a: ['six', 'b', 'c'], b: [] });
});

test("Rennet's own package serves where it fits, without a look at the index", async () => {
  const { plans, asked } = await planOf('a', { 'a 1.0': ['b<2'], 'b 1.9': [] }, { published: [row('b', '1.5')] });
  expect(plans).toEqual([['b 1.5 built', 'a 1.0 build']]);
  expect(asked).not.toContain('b');
});

test('where it does not fit a newer one is built; never an older one, which apt would not take', async () => {
  const releases = { 'a 1.0': ['b>=1.6'], 'b 1.9': [], 'b 1.4': [] };
  expect((await planOf('a', releases, { published: [row('b', '1.5')] })).plans).toEqual([
    ['b 1.9 build', 'a 1.0 build'],
  ]);
  const { sentences } = await planOf('a', { ...releases, 'a 1.0': ['b<1.5'] }, { published: [row('b', '1.5')] });
  expect(sentences[0]).toContain('b 1.4 is not newer than python3-b 1.5-0~pypi1~deb12, which Rennet has published');
});

test('what is published stays installable', async () => {
  const published = [row('b', '1.0'), row('user', '1.0', 'python3:any, python3-b (>= 1.0-0~), python3-b (<< 2.0~~)')];
  const releases = { 'b 2.0': [], 'b 1.1': [], 'user 1.1': ['b'], 'user 1.0': ['b<2'] };
  const { plans, heldBack } = await planOf('b', releases, { published });
  expect(plans).toEqual([['b 1.1 build']]);
  expect(heldBack[0]?.[0]?.reason).toMatch(/^would break python3-user 1\.0\S*, which is published and needs/);
  // Together with a release that takes it, it may.
  expect((await planOf('user b', releases, { published })).plans).toEqual([
    ['b 2.0 build', 'user 1.1 build'],
    ['b 2.0 build'],
  ]);
});

test('what a published package needs and was removed is built again', async () => {
  const published = [row('b', '1.0', 'python3:any, python3-c (>= 2.0-0~)')];
  const { plans } = await planOf('a', { 'a 1.0': ['b'], 'c 2.1': [] }, { published });
  expect(plans).toEqual([['c 2.1 build', 'b 1.0 built', 'a 1.0 build']]);
});

test('several wanted projects agree on one version of what they share; one that cannot be had stops no other', async () => {
  const releases = {
    'a 2.0': ['d>=2'],
    'b 2.0': ['d'],
    'c 2.0': ['d<2'],
    'c 1.0': ['d'],
    'x 1.0': ['gone'],
    'd 2.0': [],
    'd 1.0': [],
  };
  const { plans, sentences } = await planOf('a x b c', releases);
  expect(plans.map((plan) => plan.at(-1))).toEqual(['a 2.0 build', 'x 1.0 blocked', 'b 2.0 build', 'c 1.0 build']);
  expect(new Set(plans.flat().filter((item) => item.startsWith('d ')))).toEqual(new Set(['d 2.0 build']));
  expect(sentences[1]).toContain('the index has no project gone');
});

test('wanted projects that exclude each other: the first one counts', async () => {
  const releases = { 'a 1.0': ['d>=2'], 'b 1.0': ['d<2'], 'd 2.0': [], 'd 1.0': [] };
  const { plans, sentences } = await planOf('a b', releases);
  expect(plans[0]).toEqual(['d 2.0 build', 'a 1.0 build']);
  expect(plans[1]?.at(-1)).toMatch(/^b \S* ?blocked$/);
  expect(sentences[1]).toContain('does not go together with what else is wanted (a)');
});

test('a closure has bounds', async () => {
  const wide = { 'a 1.0': Array.from({ length: 300 }, (_, at) => `p${at}`) };
  const { sentences, asked } = await planOf('a', wide);
  expect(sentences[0]).toContain('needs more than 200 projects');
  expect(asked).toHaveLength(2);
  const deep = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`p${at} 1.0`, [`p${at + 1}`]]));
  expect((await planOf('p0', deep)).sentences[0]).toContain('p0 1.0 cannot be built');
});

test('as many requirements on one project as metadata can hold are no trouble', async () => {
  const many = { 'a 1.0': Array.from({ length: 19_990 }, (_, at) => `b>=0.${at}`), 'b 1.0': [] };
  expect((await planOf('a', many)).plans).toEqual([['b 1.0 build', 'a 1.0 build']]);
});

test('what an attempt waits for is planned beside what is settled; a way back to it is a cycle', async () => {
  const index = indexOfAll(recorded({ 'a 1.0': [], 'b 1.0': ['a'], 'c 1.0': ['d<2'], 'd 2.0': [], 'd 1.0': [] }));
  const ports = { index, archive: ARCHIVE, published: [] };
  const request = { specifier: '', target: BOOKWORM, forceOfficial: false };
  const { state } = await planAll(
    ['a', 'd'].map((project) => ({ ...request, project })),
    ports,
    signal,
  );
  const late = ['b', 'c'].map((project) => ({ ...request, project, requiredBy: 'a' }));
  const { planned } = await planAll(late, ports, signal, state);
  expect(planned[0]?.plan?.items.at(-1)).toMatchObject({
    action: 'blocked',
    sentence: expect.stringContaining('a → b → a'),
  });
  expect(planned[1]?.plan?.items.at(-1)).toMatchObject({
    action: 'blocked',
    sentence: expect.stringContaining('d 2.0 is chosen'),
  });
});
