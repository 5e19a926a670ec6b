import { describe, expect, test } from 'vitest';
import { parseStanzas } from '../debian/deb822.ts';
import { type ArchiveRow, newestRows, packagesText, requirePlace } from './packages-index.ts';
import { byHashName, indexFile, readRelease, releaseText } from './release-file.ts';

const CONTROL = `Package: python3-x
Version: 1.0-0~pypi1~deb12
Architecture: all
Depends: python3:any
Description: short
 One.
 .
   indented
`;

function row(change: Partial<ArchiveRow> = {}): ArchiveRow {
  const text = CONTROL.replace('1.0-0~pypi1~deb12', change.version ?? '1.0-0~pypi1~deb12');
  return {
    package: 'python3-x',
    version: '1.0-0~pypi1~deb12',
    architecture: 'all',
    control: text,
    sha256: 'a'.repeat(64),
    bytes: 12,
    pool: 'pool/main/p/python3-x/x.deb',
    blob: '/nowhere',
    ...change,
  };
}

describe('packagesText', () => {
  test('gives the control fields as they are, and where the file lies', () => {
    expect(packagesText([row()])).toBe(
      CONTROL.replace(
        'Description:',
        `Filename: pool/main/p/python3-x/x.deb\nSize: 12\nSHA256: ${'a'.repeat(64)}\nDescription:`,
      ),
    );
    expect(parseStanzas(packagesText([row(), row()]))).toHaveLength(2);
    expect(packagesText([])).toBe('');
  });

  test.each<[string, Partial<ArchiveRow>]>([
    ['no stanza', { control: '' }],
    ['two stanzas', { control: `${CONTROL}\n${CONTROL}` }],
    ['a field of another kind', { control: `${CONTROL}Conflicts: apt\n` }],
    ['another name', { package: 'python3-y' }],
    ['another architecture', { architecture: 'amd64' }],
    ['a path that leaves the pool', { pool: 'pool/main/../../x.deb' }],
    ['a path with a newline', { pool: 'pool/main/x.deb\nEssential: yes' }],
    ['no hash', { sha256: 'x' }],
    ['no size', { bytes: Number.NaN }],
  ])('refuses %s', (_, change) => expect(() => packagesText([row(change)])).toThrow(/the archive was not changed/));
});

test('a row that no index names any more is held to its place in the pool as well', () => {
  expect(() => requirePlace(row({ pool: 'pool/../../etc/x.deb' }))).toThrow(/clean path/);
  expect(() => requirePlace(row({}))).not.toThrow();
});

test('newestRows goes by Debian order and by architecture', () => {
  const rows = ['1.9-1', '1.10-1', '1.10~rc1-1'].map((version) => row({ version }));
  expect(
    newestRows([...rows, row({ architecture: 'amd64', version: '2-1' })], 'all').map((each) => each.version),
  ).toEqual(['1.10-1']);
});

test('a Release is read back as it was written', () => {
  const files = [
    indexFile('main/binary-all/Packages', Buffer.from('')),
    indexFile('main/binary-all/Packages.gz', Buffer.from('x')),
  ];
  const date = new Date('2026-01-02T03:04:05Z');
  const text = releaseText('bookworm', ['all', 'amd64'], files, date, new Date('2027-01-02T03:04:05Z'));
  expect(text).toContain('\nDate: Fri, 02 Jan 2026 03:04:05 GMT\nValid-Until: Sat, 02 Jan 2027 03:04:05 GMT\n');
  expect(readRelease(text)).toEqual({
    date: date.getTime(),
    architectures: ['all', 'amd64'],
    byHash: files.map((file) => byHashName(file.name, file.sha256)),
  });
  expect(readRelease('')).toEqual({ date: Number.NaN, architectures: [], byHash: [] });
});
