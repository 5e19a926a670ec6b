import { expect, test } from 'vitest';
import { ownPackages } from './own-packages.ts';
import type { PublishedRow } from './store/records.ts';
import type { Store } from './store/store.ts';

const row = (name: string, architecture: PublishedRow['architecture'], publishedAt?: string): PublishedRow => ({
  suite: 'bookworm',
  package: name,
  version: '1.0-0~pypi1~deb12',
  architecture,
  project: name,
  upstream: '1.0',
  build: 1,
  control: '',
  sha256: '',
  bytes: 0,
  pool: '',
  attempt: '1',
  ...(publishedAt === undefined ? {} : { publishedAt }),
});

test('a package for all architectures is there on each of them; another architecture has its own', async () => {
  const when = '2026-01-01T00:00:00Z';
  const rows = [row('pure', 'all', when), row('compiled', 'amd64', when), row('unpublished', 'all')];
  const store: Pick<Store, 'publishedRows'> = { publishedRows: async () => ({ rows, change: 1, generation: 1 }) };
  const namesOn = async (architecture: 'amd64' | 'arm64') =>
    (await ownPackages(store as Store, { suite: 'bookworm', architecture })).map((found) => found.package);
  expect(await namesOn('amd64')).toEqual(['pure', 'compiled']);
  expect(await namesOn('arm64')).toEqual(['pure']);
});
