import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIndexClient } from '../src/python/client.ts';
import { parseMetadata } from '../src/python/metadata.ts';
import { readIndexSettings } from '../src/python/settings.ts';

// The index that pip on this host is set to, asked for one project and one range.
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-real-index-'));
});

afterAll(() => rm(folder, { recursive: true }));

test('the configured index gives a project and the METADATA of its wheel', async () => {
  const { signal } = new AbortController();
  const settings = await readIndexSettings(folder, signal);
  const index = createIndexClient({ settings, cacheFolder: folder });
  const project = await index.project('ftfy', signal);
  expect(project.name).toBe('ftfy');
  const wheel = project.releases.find(({ version }) => version === '6.3.1')?.files.find(({ kind }) => kind === 'wheel');
  expect(wheel).toMatchObject({ requiresPython: '>=3.9', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const found = wheel && (await index.metadata(wheel, signal));
  const metadata = parseMetadata(found?.bytes ?? Buffer.alloc(0));
  expect(metadata).toMatchObject({ name: 'ftfy', version: '6.3.1', requiresDist: ['wcwidth'] });
});
