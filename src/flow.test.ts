import { expect, test } from 'vitest';
import { planProjects } from './flow.ts';
import { archiveOf, indexOf } from './plan/testing/recorded.ts';
import type { PlanPorts } from './ports.ts';
import type { PublishedRow } from './store/records.ts';

const row = { project: 'foo', package: 'python3-foo', upstream: '1.0', version: '1.0-0~pypi1~deb12' };
const publishedAt = '2024-01-01T00:00:00.000Z';

async function actionFor(found: Partial<PublishedRow>, rebuild = false): Promise<string | undefined> {
  const ports = {
    store: {
      publishedRows: () => Promise.resolve({ rows: [{ ...row, ...found }], change: 1, generation: 1 }),
      hints: () => Promise.resolve([]),
    },
    hints: [],
    index: indexOf('foo', [{ version: '1.0', files: ['foo-1.0.tar.gz', 'foo-1.0-py3-none-any.whl'], metadata: [] }]),
    archive: archiveOf([]),
  } as unknown as PlanPorts;
  const request = { project: 'foo', specifier: '', forceOfficial: false, rebuild };
  const { planned } = await planProjects([request], ports, new AbortController().signal);
  return planned[0]?.plan?.items.at(-1)?.action;
}

test.each([
  ['for all architectures', { architecture: 'all', publishedAt }, 'built'],
  ["for the target's architecture", { architecture: 'amd64', publishedAt }, 'built'],
  ['for another architecture', { architecture: 'arm64', publishedAt }, 'build'],
  ['recorded, in no index yet', { architecture: 'all' }, 'build'],
] as const)('a package %s', async (_name, found, action) => {
  expect(await actionFor(found)).toBe(action);
});

test('a rebuild does not ask what is published', async () => {
  expect(await actionFor({ architecture: 'all', publishedAt }, true)).toBe('build');
});
