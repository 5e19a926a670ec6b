import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import { isPureWheel, parseFileName, wheelFits } from './name.ts';
import type { Oracle } from './testing/oracle.ts';
import { packagingOracle } from './testing/oracle.ts';

test.each([
  ['Foo.Bar__baz--qux', 'foo-bar-baz-qux'],
  ['ftfy', 'ftfy'],
  ['zope.interface', 'zope-interface'],
])('%s is normalised to %s', (name, normal) => expect(normaliseProject(name)).toBe(normal));

test('project names', () => {
  for (const name of ['a', 'A1', 'a.b-c_d', '0']) expect(isProjectName(name)).toBe(true);
  for (const name of ['', '-a', 'a-', 'a b', 'ä', 'a\n', '../a', 'a/b', 'a'.repeat(201)]) {
    expect(isProjectName(name)).toBe(false);
  }
});

describe('sdist names', () => {
  test.each([
    ['ftfy', 'ftfy-6.3.1.tar.gz', '6.3.1'],
    ['foo-bar', 'foo-bar-1.0.tar.gz', '1.0'],
    ['foo_bar', 'foo_bar-1.0.zip', '1.0'],
    ['foo_bar', 'foo_bar-1.0.tgz', '1.0'],
    ['foo.bar', 'Foo.Bar-1.0b1.tar.gz', '1.0b1'],
    ['foo', 'foo-1.0-1.tar.gz', '1.0.post1'],
    ['foo-1', 'foo-1-2.tar.gz', '2'],
    ['foo', 'foo-v1.0-BETA.zip', '1.0b0'],
    ['foo', 'foo-1.0+local.1.tar.gz', '1.0+local.1'],
  ])('of %s: %s is %s', (project, filename, version) => {
    expect(parseFileName(project, filename)).toEqual({ kind: 'sdist', version });
  });

  test.each([
    ['foo', 'foo-1.0.tar.bz2', '.tar.bz2 files are not read'],
    ['foo', 'foo-1.0.win32.exe', '.exe files are not read'],
    ['foo', 'foo-1.0-py2.7.egg', '.egg files are not read'],
    ['foo', 'foo.tar.gz', 'not of project foo'],
    ['foo', 'bar-1.0.tar.gz', 'not of project foo'],
    ['foo', 'foo-bar-1.0.tar.gz', '"bar-1.0" is no PEP 440 version'],
    ['foo', 'foo-latest.zip', '"latest" is no PEP 440 version'],
    ['foo', '../foo-1.0.tar.gz', 'characters'],
    ['foo', 'foo-1.0\n.tar.gz', 'characters'],
    ['foo', 'foo-1.0.txt', 'not a distribution'],
    ['foo', `foo-${'1'.repeat(300)}.tar.gz`, 'characters'],
  ])('of %s: %j cannot be read', (project, filename, reason) => {
    expect(parseFileName(project, filename)).toEqual({ unreadable: expect.stringContaining(reason) as string });
  });
});

describe('wheel names', () => {
  test('with a build tag and compressed tags', () => {
    expect(parseFileName('foo-bar', 'Foo_Bar-1.0-2_x-py2.py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl')).toEqual(
      {
        kind: 'wheel',
        version: '1.0',
        tags: {
          build: '2_x',
          python: ['py2', 'py3'],
          abi: ['none'],
          platform: ['manylinux1_x86_64', 'manylinux_2_5_x86_64'],
        },
      },
    );
  });

  test('with an old spelling of the version', () => {
    expect(parseFileName('foo', 'foo-1.0_1-py3-none-any.whl')).toMatchObject({ version: '1.0.post1' });
  });

  test.each([
    'foo-1.0-py3-none.whl',
    'foo-1.0-x1-py3-none-any.whl',
    'foo-1.0-1-2-py3-none-any.whl',
    'bar-1.0-py3-none-any.whl',
    'foo-x-py3-none-any.whl',
    'foo-1.0-py3--any.whl',
    'foo-1.0-py3-none-any..x.whl',
  ])('%s cannot be read', (filename) => {
    expect(parseFileName('foo', filename)).toEqual({ unreadable: expect.any(String) as string });
  });

  test.each([
    ['py3-none-any', true],
    ['py2.py3-none-any', true],
    ['py38-none-any', true],
    ['py2-none-any', false],
    ['cp311-none-any', false],
    ['cp311-cp311-linux_x86_64', false],
    ['py3-none-manylinux2014_x86_64', false],
    ['py3-abi3-any', false],
  ])('%s is pure: %s', (tag, pure) => expect(isPureWheel(tagsOf(tag))).toBe(pure));
});

describe('wheelFits', () => {
  let oracle: Oracle;
  beforeAll(async () => {
    oracle = await packagingOracle();
  }, 60_000);
  afterAll(() => oracle.close());

  const place = { python: '3.11', architecture: 'amd64', glibc: '2.36' } as const;
  /** What packaging.tags gives on that machine, newest first; `linux` last. */
  const platforms = [
    ...Array.from({ length: 32 }, (_, index) => `manylinux_2_${36 - index}_x86_64`),
    'manylinux2014_x86_64',
    'manylinux2010_x86_64',
    'manylinux1_x86_64',
    'linux_x86_64',
  ];

  test('accepts the tags that packaging accepts', async () => {
    const words = (text: string) => fc.constantFrom(...text.split(' '));
    const python = words('cp311 cp310 cp312 cp32 py3 py311 py310 py312 py2 pp39 cp3 cp37');
    const abi = words('none abi3 cp311 cp310 cp311d cp37m pypy39_pp73');
    const platform = words(
      'any linux_x86_64 linux_i686 linux_aarch64 manylinux1_x86_64 manylinux2010_x86_64 manylinux2014_x86_64 ' +
        'manylinux_2_5_x86_64 manylinux_2_4_x86_64 manylinux_2_36_x86_64 manylinux_2_37_x86_64 manylinux_3_1_x86_64 ' +
        'musllinux_1_2_x86_64 macosx_11_0_arm64 win_amd64',
    );
    const set = (part: fc.Arbitrary<string>) =>
      fc.uniqueArray(part, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('.'));
    const tags = fc.sample(fc.tuple(set(python), set(abi), set(platform)), 3000).map((parts) => parts.join('-'));
    const answers = await oracle.ask(tags.map((tag) => ({ op: 'tags', tag, python: '3.11', platforms })));
    const wrong = tags.filter((tag, index) => answers[index]?.value !== wheelFits(tagsOf(tag), place));
    expect(wrong).toEqual([]);
    expect(answers.filter(({ value }) => value === true).length).toBeGreaterThan(100);
  });

  test.each([
    ['cp313-cp313-manylinux2014_aarch64', { python: '3.13', architecture: 'arm64', glibc: '2.41' }, true],
    ['cp313-cp313-manylinux_2_5_aarch64', { python: '3.13', architecture: 'arm64', glibc: '2.41' }, false],
    ['cp311-cp311-manylinux1_i686', { ...place, architecture: 'i386' }, true],
    ['cp311-cp311-manylinux1_x86_64', { ...place, architecture: 'i386' }, false],
  ] as const)('%s on %j: %s', (tag, where, fits) => expect(wheelFits(tagsOf(tag), where)).toBe(fits));
});

function tagsOf(tag: string) {
  const [python = [], abi = [], platform = []] = tag.split('-').map((part) => part.split('.'));
  return { python, abi, platform };
}
