import { expect, test } from 'vitest';
import { LOCAL } from '../python/client.ts';
import type { RequirementsFiles } from '../python/requirements-file.ts';
import { parseRequirement } from '../python/requirement.ts';
import { type Bounds, NO_BOUNDS } from './bounds.ts';
import { planAll } from './plan.ts';
import type { PlanRequest, PublishedPackage, PublishedSource } from './ports.ts';
import { archiveOf, BOOKWORM, indexOfAll, type Recorded } from './testing/recorded.ts';
import { wantedOn } from './wanted.ts';

// What a person brings beside names: constraints, hashes, extras, sources of their own.

const { signal } = new AbortController();
const ARCHIVE = archiveOf([
  { project: 'six', packageVersion: '1.16.0-4', upstreamVersion: '1.16.0' },
  { project: 'flask', packageVersion: '2.2.2-3', upstreamVersion: '2.2.2' },
]);
const hashOf = (project: string, version: string): string =>
  Buffer.from(`${project} ${version}`).toString('hex').padEnd(64, '0').slice(0, 64);

/** `{ 'a 2.0': ['b>=1'] }`: releases, newest first, with what they require. */
type Releases = Readonly<Record<string, readonly string[]>>;

function recorded(releases: Releases): Record<string, Recorded[]> {
  const projects: Record<string, Recorded[]> = {};
  for (const [release, requirements] of Object.entries(releases)) {
    const [name = '', version = ''] = release.split(' ');
    const sdist = { filename: `${name}-${version}.tar.gz`, sha256: hashOf(name, version) };
    const files = [sdist, { ...sdist, filename: `${name}-${version}-py3-none-any.whl` }];
    const metadata = requirements.map((text) => `Requires-Dist: ${text}`);
    (projects[name] ??= []).push({ version, files, metadata });
  }
  return projects;
}

interface Options {
  readonly bounds?: Partial<Bounds>;
  readonly published?: readonly PublishedPackage[];
  readonly source?: PublishedSource;
  readonly origin?: string;
  readonly request?: Partial<PlanRequest>;
}

async function planOf(wanted: string, releases: Releases, options: Options = {}) {
  const { bounds = {}, published = [], source, origin, request = {} } = options;
  const index = indexOfAll(recorded(releases));
  const requests = wanted.split(' ').map((text): PlanRequest => {
    const { project, specifier, extras } = parseRequirement(text);
    return { project, specifier, extras, target: BOOKWORM, forceOfficial: false, ...request };
  });
  const ports = {
    index: origin === undefined ? index : { ...index, origin: () => origin },
    archive: ARCHIVE,
    published,
    publishedSource: () => Promise.resolve(source),
    bounds: { ...NO_BOUNDS, ...bounds },
  };
  const { planned } = await planAll(requests, ports, signal);
  return planned.map(({ project, plan, error }) => ({
    project,
    items: plan?.items.map((item) => `${item.project} ${item.version} ${item.action}`) ?? [],
    sentence: plan?.items.at(-1)?.sentence ?? (error as Error).message,
    rebuild: plan?.items.at(-1)?.rebuild,
    blockedAs: plan?.items.at(-1)?.blockedAs,
    warnings: plan?.warnings ?? [],
    asked: index.asked,
  }));
}

const constraint = (project: string, specifier: string) => ({
  constraints: new Map([[project, [{ specifier, place: 'c.txt, line 3' }]]]),
});
const row = { project: 'a', package: 'python3-a', upstream: '1.0', version: '1.0-0~pypi1~deb12', attempt: 'x' };

test('a constraint bounds what is required, however deep, and what is published', async () => {
  const releases = { 'a 1.0': ['b'], 'b 1.0': ['c'], 'c 2.0': [], 'c 1.0': [] };
  const [bound] = await planOf('a', releases, { bounds: constraint('c', '<2') });
  expect(bound?.items).toEqual(['c 1.0 build', 'b 1.0 build', 'a 1.0 build']);
  expect(bound?.warnings).toEqual([]);
  const [none] = await planOf('a', releases, { bounds: constraint('c', '>=3') });
  expect(none?.sentence).toContain('c>=3 (c.txt, line 3)');
  const [there] = await planOf(
    'b',
    { 'b 1.0': ['a'], 'a 2.0': [], 'a 1.0': [] },
    { bounds: constraint('a', '>=2'), published: [row] },
  );
  expect(there?.items).toEqual(['a 2.0 build', 'b 1.0 build']);
});

test('a constraint that the official package breaks is refused, not passed over', async () => {
  const [plan] = await planOf('a', { 'a 1.0': ['six'] }, { bounds: constraint('six', '<1.16') });
  expect(plan?.sentence).toContain('six is required, bound to six<1.16 (c.txt, line 3), and bookworm has 1.16.0');
  const [fits] = await planOf('a', { 'a 1.0': ['six'] }, { bounds: constraint('six', '>=1.16') });
  expect(fits?.items).toEqual(['six 1.16.0 official', 'a 1.0 build']);
});

test('with hashes the very file is taken; what is only required needs one too, unless the suite has it', async () => {
  const releases = { 'a 2.0': [], 'a 1.0': ['b', 'six'], 'b 1.0': [] };
  const hash = (project: string, sha256: string) =>
    [project, { sha256: new Set([sha256]), place: 'r.txt, line 1' }] as const;
  const bounds = { hashMode: 'r.txt, line 1', hashes: new Map([hash('a', hashOf('a', '1.0'))]) };
  const [lacks] = await planOf('a==1.0', releases, { bounds });
  expect(lacks?.sentence).toContain('b has no --hash in the requirements file, which has hashes (r.txt, line 1)');
  const hashes = new Map([...bounds.hashes, hash('b', hashOf('b', '1.0'))]);
  const [has] = await planOf('a==1.0', releases, { bounds: { ...bounds, hashes } });
  expect(has?.items).toEqual(['b 1.0 build', 'six 1.16.0 official', 'a 1.0 build']);
  const wrong = new Map([hash('a', 'f'.repeat(64))]);
  const [other] = await planOf('a==1.0', releases, { bounds: { ...bounds, hashes: wrong } });
  expect(other?.sentence).toContain('a has no file on the index with one of the hashes of r.txt, line 1');
});

test('what is published is built anew where the file that is asked for is another one', async () => {
  const hashes = new Map([['a', { sha256: new Set([hashOf('a', '1.0')]), place: 'r.txt, line 1' }]]);
  const made = (sha256: string) => ({ origin: 'https://index.example.org/simple', sha256 });
  const options = { bounds: { hashes, hashMode: 'r.txt, line 1' }, published: [row] };
  const [other] = await planOf('a==1.0', { 'a 1.0': [] }, { ...options, source: made('f'.repeat(64)) });
  expect(other).toMatchObject({ items: ['a 1.0 build'], rebuild: true });
  const [same] = await planOf('a==1.0', { 'a 1.0': [] }, { ...options, source: made(hashOf('a', '1.0')) });
  expect(same?.items).toEqual(['a 1.0 built']);
});

test('an extra that is asked for is planned beside what has it, also where that requires it back', async () => {
  const releases = {
    'a 2.0': ['b>=9; extra == "x"', 'six; extra == "x"'],
    'a 1.0': ['b; extra == "x"', 'a[x]; extra == "all"', 'six; extra == "x"'],
    'b 1.0': ['a'],
  };
  const plans = await planOf('a[all]<2', releases);
  expect(plans.map(({ items }) => items)).toEqual([['a 1.0 build'], ['a 1.0 build', 'b 1.0 build']]);
  // Of 2.0 the extra cannot be had.
  const [chosen] = await planOf('a[x]', releases);
  expect(chosen?.items).toEqual(['a 1.0 build']);
  expect(chosen?.warnings).toEqual([expect.stringMatching(/^a 1\.0 is an old release, because 2\.0 .*b>=9/)]);
  expect((await planOf('a', releases))[0]?.items).toEqual(['a 2.0 build']);
});

test('an extra of what the suite provides brings what the suite lacks', async () => {
  const releases = { 'flask 2.2.2': ['dotenv>=1; extra == "dotenv"', 'six; extra == "dotenv"'], 'dotenv 1.0': [] };
  const plans = await planOf('flask[dotenv]', releases);
  expect(plans.map(({ items }) => items)).toEqual([['flask 2.2.2 official'], ['dotenv 1.0 build']]);
});

test.each([
  ['a local source', LOCAL],
  ['the index https://other.example.org/simple', 'https://other.example.org/simple'],
])('what was made from %s is not replaced by this index', async (words, origin) => {
  const options = { published: [row], source: { origin, sha256: 'e'.repeat(64) } };
  const releases = { 'b 1.0': ['a'], 'c 1.0': ['a>=2'], 'a 9.0': [], 'a 1.0': [] };
  const [typed, required, newer] = await planOf('a b c', releases, options);
  expect(typed).toMatchObject({ items: ['a 1.0 built'], sentence: expect.stringContaining(`made from ${words}`) });
  expect(required?.items).toEqual(['a 1.0 built', 'b 1.0 build']);
  expect(newer?.sentence).toContain(`a is published from ${words}`);
  const [asked] = await planOf('a>=2', releases, options);
  expect(asked).toMatchObject({ blockedAs: 'held', sentence: expect.stringContaining('rennet remove python3-a') });
  const [again] = await planOf('a', releases, { ...options, request: { rebuild: true } });
  expect(again?.blockedAs).toBe('held');
});

test('an index that lists the very file goes on with it', async () => {
  const source = { origin: 'https://other.example.org/simple', sha256: hashOf('a', '1.0') };
  const [plan] = await planOf('a', { 'a 9.0': [], 'a 1.0': [] }, { published: [row], source });
  expect(plan?.items).toEqual(['a 9.0 build']);
});

test('a local source takes the place of nothing that came from an index', async () => {
  const source = { origin: 'https://index.example.org/simple', sha256: 'e'.repeat(64) };
  const [plan] = await planOf('a', { 'a 2.0': [] }, { published: [row], source, origin: LOCAL });
  expect(plan).toMatchObject({
    blockedAs: 'held',
    sentence: expect.stringContaining('what a local source has under that name'),
  });
});

test('20,000 requirements are refused before the index is asked for each; twice the same counts once', async () => {
  const many = Array.from({ length: 19_000 }, (_, at) => `p-${at}`);
  const [plan] = await planOf('a', { 'a 1.0': many });
  expect(plan?.sentence).toContain('needs more than 200 projects that bookworm lacks (19000)');
  expect(plan?.asked).toHaveLength(2);
  const twice = ['b', 'B', 'b>=1', 'b', ...Array.from({ length: 10_000 }, () => 'six')];
  const [same] = await planOf('a', { 'a 1.0': twice, 'b 1.0': [] });
  expect(same?.items).toEqual(['b 1.0 build', 'six 1.16.0 official', 'a 1.0 build']);
});

test.each([
  ['a requirement that is an address', ['x @ https://example.org/x.whl'], 'from an address of its own'],
  ['a release that requires another one of itself', ['a>=2'], 'a>=2 is required by a 1.0 itself'],
])('%s is said', async (_name, requirements, words) => {
  const [plan] = await planOf('a', { 'a 1.0': requirements });
  expect(plan).toMatchObject({ items: ['a 1.0 blocked'], sentence: expect.stringContaining(words) });
});

test('an address in an extra that nobody asks for, and extras of its own, are no obstacle', async () => {
  const requirements = ['x @ https://example.org/x.whl ; extra == "x"', 'a[b]', 'six; extra == "b"'];
  expect((await planOf('a', { 'a 1.0': requirements }))[0]?.items).toEqual(['six 1.16.0 official', 'a 1.0 build']);
});

test('lines on one project become one; markers are those of the target', () => {
  const entry = (text: string, line: number, sha256: string[] = []) => ({
    requirement: parseRequirement(text),
    sha256,
    place: { file: 'r.txt', line },
  });
  const files: RequirementsFiles = {
    requirements: [
      entry('a>=1', 1),
      entry('a[x]<3', 2),
      entry('b==1; python_version < "3"', 3),
      entry('b==2; python_version >= "3"', 4),
    ],
    constraints: [entry('c<2', 5), entry('c<1; sys_platform == "win32"', 6), entry('d', 7)],
    notes: [],
  };
  const typed = [{ project: 'a', specifier: '!=2', extras: ['y'] }];
  const { wanted, bounds, notes } = wantedOn(typed, files, BOOKWORM);
  expect(wanted).toEqual([
    { project: 'a', specifier: '!=2,>=1,<3', extras: ['x', 'y'] },
    { project: 'b', specifier: '==2', extras: [] },
  ]);
  expect(notes).toEqual([
    'r.txt, line 3: b is not for bookworm/amd64: its marker is false there.',
    'r.txt, line 6: c is not for bookworm/amd64: its marker is false there.',
  ]);
  expect([...bounds.constraints.keys()]).toEqual(['c']);
  const twice = { ...files, requirements: [entry('a==1', 1, ['1', '2']), entry('a', 2, ['2', '3'])] };
  expect([...(wantedOn([], twice, BOOKWORM).bounds.hashes.get('a')?.sha256 ?? [])]).toEqual(['2']);
  const none = { ...files, requirements: [entry('a==1', 1, ['1']), entry('a', 2, ['3'])] };
  expect(() => wantedOn([], none, BOOKWORM)).toThrow('r.txt, line 1 and r.txt, line 2 name no common hash for a.');
  const odd = { ...files, requirements: [entry('a; sys_platform ~= "linux"', 9)] };
  expect(() => wantedOn([], odd, BOOKWORM)).toThrow(/^r\.txt, line 9: /);
});
