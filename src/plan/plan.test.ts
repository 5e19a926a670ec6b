import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { pack } from 'tar-stream';
import type { Plan, PlanItem } from '../model/recipe.ts';
import type { IndexClient } from '../python/client.ts';
import { plan } from './plan.ts';
import { resolver } from './resolver.ts';
import type { PlanPorts, PlanRequest } from './ports.ts';
import { archiveOf, BOOKWORM, indexOf, type Recorded } from './testing/recorded.ts';

const { signal } = new AbortController();
const ARCHIVE = archiveOf([
  { project: 'wcwidth', packageVersion: '0.2.5+dfsg1-1.1', upstreamVersion: '0.2.5' },
  { project: 'six', packageVersion: '1.16.0-4', upstreamVersion: '1.16.0' },
]);

const both = (version: string): string[] => [`foo-${version}.tar.gz`, `foo-${version}-py3-none-any.whl`];
const release = (version: string, ...metadata: string[]): Recorded => ({ version, files: both(version), metadata });

async function planOf(
  releases: readonly Recorded[],
  request: Partial<PlanRequest> = {},
  ports: Partial<PlanPorts> = {},
): Promise<Plan & { item: PlanItem | undefined; asked: readonly string[] }> {
  const index = indexOf('foo', releases);
  const made = await plan(
    { project: 'foo', specifier: '', target: BOOKWORM, forceOfficial: false, ...request },
    { index, archive: ARCHIVE, published: [], ...ports },
    signal,
  );
  return { ...made, item: made.items.at(-1), asked: index.asked };
}

test('the newest release whose requirement an official package meets', async () => {
  const { items, heldBack, asked } = await planOf([release('6.3.1', 'Requires-Dist: wcwidth'), release('6.3.0')]);
  expect(items).toEqual([
    {
      project: 'wcwidth',
      version: '0.2.5',
      action: 'official',
      package: 'python3-wcwidth',
      sentence: 'bookworm provides wcwidth as python3-wcwidth 0.2.5+dfsg1-1.1.',
      needs: [],
    },
    {
      project: 'foo',
      version: '6.3.1',
      action: 'build',
      package: 'python3-foo',
      sentence:
        'foo 6.3.1: newest release; its requirement wcwidth is met by python3-wcwidth 0.2.5+dfsg1-1.1 of bookworm.',
      needs: ['wcwidth'],
      recipe: {
        project: 'foo',
        version: '6.3.1',
        target: BOOKWORM,
        source: expect.objectContaining({ filename: 'foo-6.3.1.tar.gz' }),
        package: 'python3-foo',
        upstreamVersion: '6.3.1',
        wheels: [expect.objectContaining({ filename: 'foo-6.3.1-py3-none-any.whl' })],
        forceOfficial: false,
      },
    },
  ]);
  expect(heldBack).toEqual([]);
  expect(asked).toEqual(['foo', 'foo-6.3.1-py3-none-any.whl']);
});

test('newer releases are held back, each with its reason', async () => {
  const { item, heldBack } = await planOf([
    { version: '9.0rc1', files: both('9.0rc1') },
    { version: '8.0', files: both('8.0').map((filename) => ({ filename, yanked: 'bad\nbuild' })) },
    { version: '7.0', files: both('7.0').map((filename) => ({ filename, requiresPython: '>=3.13' })) },
    { version: '6.0', files: ['foo-6.0-cp311-cp311-manylinux2014_x86_64.whl'] },
    { version: '5.0', files: ['foo-5.0-py312-none-any.whl'] },
    release('4.0', 'Requires-Dist: six>=2', 'Requires-Dist: wcwidth>=1'),
    release('3.0', 'Requires-Python: >=3.12'),
    release('2!2.5'),
    { version: '2.2', files: ['foo-2.2-py3-none-any.whl'], metadata: ['Version: 2.2'] },
    release('2.0'),
    release('1.0'),
  ]);
  expect(item).toMatchObject({ action: 'build', version: '2.0' });
  expect(item?.sentence).toBe(
    'foo 2.0: newest release that fits, because 9.0rc1 is a pre-release; it requires nothing but Python.',
  );
  expect(heldBack).toEqual([
    { version: '9.0rc1', reason: 'is a pre-release' },
    { version: '8.0', reason: 'was yanked: "bad\\nbuild"' },
    { version: '7.0', reason: 'needs Python >=3.13, and bookworm has 3.11.2' },
    { version: '6.0', reason: 'has only binary wheels (manylinux2014_x86_64), no sdist' },
    { version: '5.0', reason: 'has only wheels for other versions of Python than 3.11, and no sdist' },
    {
      version: '4.0',
      reason:
        'cannot be built: six>=2 is required, and bookworm has 1.16.0 (python3-six 1.16.0-4); wcwidth>=1 is required, and bookworm has 0.2.5 (python3-wcwidth 0.2.5+dfsg1-1.1)',
    },
    { version: '3.0', reason: 'needs Python >=3.12, and bookworm has 3.11.2' },
    { version: '2!2.5', reason: 'has an epoch or a local part, which no Debian version can hold' },
    { version: '2.2', reason: expect.stringContaining('cannot be read') },
  ]);
});

test.each<[string, Recorded, string, string]>([
  [
    'unsatisfiable',
    release('1.0', 'Requires-Dist: nowhere'),
    '1.0',
    'foo 1.0 cannot be built: nowhere is required, bookworm has no package of it, and the index has no project nowhere.',
  ],
  ['no-source', { version: '1.0', files: ['foo-1.0-cp311-cp311-win32.whl'] }, '1.0', 'only binary wheels'],
  [
    'not-for-target',
    { version: '1.0', files: [{ filename: 'foo-1.0.tar.gz', requiresPython: '<3' }] },
    '1.0',
    'needs Python <3',
  ],
  [
    'build-failed',
    { version: '1.0', files: ['foo-1.0-py3-none-any.whl'], metadata: ['Version: 2.2'] },
    '1.0',
    'foo 1.0 cannot be read: The metadata',
  ],
  ['held', release('1!1.0'), '1!1.0', 'epoch'],
  ['held', { version: '1.0', files: [{ filename: 'foo-1.0.tar.gz', yanked: true }] }, '1.0', 'was yanked'],
])('nothing fits: %s, in one sentence', async (blockedAs, recorded, version, part) => {
  const { item, heldBack } = await planOf([recorded]);
  expect(item).toMatchObject({ action: 'blocked', blockedAs, version, sentence: expect.stringContaining(part) });
  expect(item?.recipe).toBeUndefined();
  expect(heldBack).toEqual([]);
});

test('a project without any file that can be read', async () => {
  const { item } = await planOf([]);
  expect(item).toMatchObject({ action: 'blocked', blockedAs: 'no-source', version: '' });
  expect(item?.sentence).toBe('foo has no files on the index.');
});

test('an exact version is honoured or refused, never replaced', async () => {
  const releases = [release('2.0'), release('1.0', 'Requires-Dist: nowhere'), release('0.9')];
  expect((await planOf(releases, { specifier: '==1' })).item).toMatchObject({
    action: 'blocked',
    version: '1.0',
    blockedAs: 'unsatisfiable',
  });
  expect((await planOf(releases, { specifier: '==0.9.0' })).item).toMatchObject({
    action: 'build',
    version: '0.9',
  });
  await expect(planOf(releases, { specifier: '==3.0' })).rejects.toMatchObject({
    code: 'unknown-version',
    message: 'The index has no foo==3.0; the newest releases are 2.0, 1.0, 0.9.',
  });
});

test('an exact version may be yanked, with a note; a pre-release may be named, or be all there is', async () => {
  const yanked: Recorded = {
    version: '2.0',
    files: [{ filename: 'foo-2.0-py3-none-any.whl', yanked: 'oops' }],
    metadata: [],
  };
  const exact = await planOf([yanked, release('1.0')], { specifier: '==2.0' });
  expect(exact.item).toMatchObject({ action: 'build', version: '2.0' });
  expect(exact.notes).toEqual([expect.stringContaining('oops')]);
  expect((await planOf([release('2.0b1'), release('1.0')], { specifier: '>=2.0a1' })).item).toMatchObject({
    version: '2.0b1',
  });
  expect((await planOf([release('2.0b1')])).item).toMatchObject({ version: '2.0b1' });
});

test('what the suite provides is not built, and costs no request', async () => {
  const { items, item, asked } = await planOf([], { project: 'Six' });
  expect(items).toEqual([
    expect.objectContaining({ project: 'six', version: '1.16.0', action: 'official', package: 'python3-six' }),
  ]);
  expect(item?.sentence).toBe('bookworm provides six as python3-six 1.16.0-4; install that.');
  expect((await planOf([], { project: 'six', specifier: '==1.17' })).item).toMatchObject({
    action: 'official',
    sentence: expect.stringContaining('which is not ==1.17'),
  });
  expect(asked).toEqual([]);
});

test('--force-official builds all the same and says so in the recipe', async () => {
  const archive = archiveOf([{ project: 'foo', packageVersion: '1.0-1', upstreamVersion: '1.0' }]);
  const { item } = await planOf([release('2.0')], { forceOfficial: true }, { archive });
  expect(item).toMatchObject({ action: 'build', recipe: { forceOfficial: true, package: 'python3-foo' } });
});

test('a name that the suite uses otherwise is held for a person', async () => {
  const { item, asked } = await planOf([release('2.0')], {}, { archive: archiveOf([], ['python3-foo']) });
  expect(item).toMatchObject({
    action: 'blocked',
    blockedAs: 'held',
    sentence: expect.stringContaining('rule package-name'),
  });
  expect(asked).toEqual([]);
});

test('a project whose name the suite has given to another one gets a name apart, also where others require it', async () => {
  const other = { project: 'foox', package: 'python3-foo', packageVersion: '1.0-1', upstreamVersion: '1.0' };
  const archive = archiveOf([other]);
  const { item } = await planOf([release('2.0')], {}, { archive });
  expect(item).toMatchObject({ action: 'build', package: 'python3-foo+pypi', recipe: { package: 'python3-foo+pypi' } });
  const published = [{ package: 'python3-foo+pypi', project: 'foo', upstream: '2.0', version: '2.0-0~pypi1~deb12' }];
  const { met } = resolver(archive, published, BOOKWORM, { project: 'bar', version: '1.0' })(['foo>=1'], []);
  expect(met[0]?.relations).toEqual(['python3-foo+pypi (>= 1.0-0~)']);
});

test('what Rennet has published already is not built again', async () => {
  const row = { package: 'python3-foo', project: 'foo', upstream: '2.0', version: '2.0-0~pypi1~deb12' };
  const { item } = await planOf([release('2.0.0')], {}, { published: [row] });
  expect(item).toMatchObject({
    action: 'built',
    version: '2.0.0',
    sentence: expect.stringContaining('2.0-0~pypi1~deb12'),
  });
  expect(item?.recipe).toBeUndefined();
});

test('the wheels beside an sdist are told; a pure wheel serves without an sdist', async () => {
  const extension: Recorded = {
    version: '1.0',
    files: ['foo-1.0.tar.gz', 'foo-1.0-cp311-cp311-win32.whl'],
    metadata: [],
  };
  expect((await planOf([extension])).item?.recipe).toMatchObject({
    wheels: [{ filename: 'foo-1.0-cp311-cp311-win32.whl' }],
    source: { kind: 'sdist' },
  });
  const wheel: Recorded = { version: '1.0', files: ['foo-1.0-py2.py3-none-any.whl'], metadata: [] };
  const { item } = await planOf([wheel]);
  expect(item?.recipe).toMatchObject({ source: { kind: 'wheel' } });
  expect(item?.sentence).toContain('no sdist, so its pure wheel is used');
});

test('20 releases are looked at, then every second one', async () => {
  const releases = Array.from({ length: 80 }, (_, at) => release(`1.${80 - at}`, 'Requires-Dist: nowhere'));
  const { item, asked, heldBack } = await planOf(releases);
  expect(item).toMatchObject({ action: 'blocked', version: '1.80' });
  // The page, the metadata of 20 + 30 + the oldest release, and the page of what all of them require.
  expect(asked).toHaveLength(53);
  expect(heldBack).toHaveLength(50);
});

test.each([
  ['Metadata-Version: 2.2\nName: foo\nVersion: 1.0\nRequires-Dist: nowhere', 'blocked', 'nowhere'],
  ['Metadata-Version: 2.2\nName: foo\nVersion: 1.0\nDynamic: Requires-Dist', 'build', 'only after the build'],
  ['Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: nowhere', 'build', 'only after the build'],
  ['Metadata-Version: 2.4\nName: foo\nVersion: 1.0\nRequires-Dist: six', 'build', 'python3-six 1.16.0-4'],
])('without a wheel the sdist tells, where it binds: %j', async (pkgInfo, action, part) => {
  const download: IndexClient['download'] = async (_, path) => {
    const tar = pack();
    tar.entry({ name: 'foo-1.0/PKG-INFO' }, `${pkgInfo}\n`);
    tar.finalize();
    const bytes = gzipSync(Buffer.concat(await Array.fromAsync(tar as AsyncIterable<Buffer>)));
    await writeFile(path, bytes);
    return { bytes: bytes.length, sha256: '' };
  };
  const index = indexOf('foo', [{ version: '1.0', files: ['foo-1.0.tar.gz'] }], download);
  const { item } = await planOf([], {}, { index });
  expect(item).toMatchObject({ action, sentence: expect.stringContaining(part) });
});

test('faults of the person and of the network end the plan', async () => {
  await expect(planOf([], { project: '../etc' })).rejects.toMatchObject({ code: 'bad-usage' });
  await expect(planOf([], { specifier: '=> 1' })).rejects.toMatchObject({ code: 'bad-specifier' });
  await expect(planOf([], { project: 'other' })).rejects.toMatchObject({ code: 'unknown-project' });
  const index = { ...indexOf('foo', [release('1.0')]), metadata: () => Promise.reject(new Error('network')) };
  await expect(planOf([], {}, { index })).rejects.toThrow('network');
});
