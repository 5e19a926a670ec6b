import { expect, test } from 'vitest';
import { RennetError } from '../model/errors.ts';
import type { ReleaseFile } from '../model/release.ts';
import { RECIPE } from '../model/testing/curd.ts';
import { publishedAs, readUpstream, referenceWheel } from './upstream.ts';

const wheelOf = (tag: string): ReleaseFile => ({
  filename: `curd-1.0-${tag}.whl`,
  url: `https://index.example.org/curd-1.0-${tag}.whl`,
  kind: 'wheel',
});

test.each([
  [[], 'none'],
  [['py2-none-any', 'py3-none-any'], 'pure'],
  [['cp38-none-any'], 'pure'],
  [['py3-none-win_amd64', 'py3-none-any'], 'pure'],
  [['cp311-cp311-manylinux2014_x86_64'], 'compiled'],
  [['cp38-abi3-any'], 'compiled'],
] as const)('a release with the wheels %j is %s', (tags, expected) => {
  expect(publishedAs('curd', tags.map(wheelOf))).toBe(expected);
});

const OWN = 'cp311-cp311-manylinux2014_x86_64';

test.each([
  [false, [OWN, 'py3-none-any'], 'py3-none-any'],
  [true, ['py3-none-any', OWN], OWN],
  [false, ['py2-none-any', 'py3-none-any'], 'py3-none-any'],
  [false, ['cp313-cp313-manylinux2014_x86_64', OWN], OWN],
  [
    false,
    ['cp311-cp311-manylinux2014_aarch64', 'cp313-cp313-manylinux2014_x86_64'],
    'cp313-cp313-manylinux2014_x86_64',
  ],
  [false, ['cp311-cp311-win_amd64', 'cp311-cp311-macosx_11_0_arm64'], undefined],
  [false, ['py3-none-win_amd64', 'py2.py3-none-any'], 'py2.py3-none-any'],
  [true, [], undefined],
] as const)('a result that is compiled (%s) is compared, of %j, with %s', (compiled, tags, expected) => {
  const chosen = referenceWheel('curd', tags.map(wheelOf), RECIPE.target, compiled);
  expect(chosen?.filename).toBe(expected && `curd-1.0-${expected}.whl`);
});

const members = (texts: Readonly<Record<string, string>>) => ({
  metadata: () => Promise.resolve(undefined),
  wheelMember: (_: ReleaseFile, name: string) => {
    const text = texts[name];
    return Promise.resolve(text === undefined ? undefined : Buffer.from(text));
  },
});
const { signal } = new AbortController();
const read = (texts: Readonly<Record<string, string>>, own?: string) =>
  readUpstream(wheelOf('py3-none-any'), 'curd', own, members(texts), signal);

test('a wheel without RECORD cannot be compared, and a sentence says so', async () => {
  expect(await read({})).toEqual({ unread: expect.stringMatching(/^The RECORD of .* cannot be read from afar\.$/) });
});

test('a wheel that is no zip cannot be compared; an index that does not answer ends the check', async () => {
  const failing = (code: 'bad-archive' | 'index-unreachable') => ({
    metadata: () => Promise.resolve(undefined),
    wheelMember: () => Promise.reject(new RennetError(code, 'No.')),
  });
  const wheel = wheelOf('py3-none-any');
  expect(await readUpstream(wheel, 'curd', undefined, failing('bad-archive'), signal)).toMatchObject({ unread: /./ });
  await expect(readUpstream(wheel, 'curd', undefined, failing('index-unreachable'), signal)).rejects.toMatchObject({
    code: 'index-unreachable',
  });
});

test('entry points are read only where they differ', async () => {
  const hash = 'b'.repeat(43);
  const texts = {
    RECORD: `curd.py,,\ncurd-1.0.dist-info/entry_points.txt,sha256=${hash},9\n`,
    'entry_points.txt': '[curd.plugins]\na = curd:a\n',
  };
  expect(await read(texts, hash)).not.toHaveProperty('entryPoints');
  expect(await read(texts, 'c'.repeat(43))).toHaveProperty(
    'entryPoints.others',
    new Map([['curd.plugins', ['a = curd:a']]]),
  );
});
