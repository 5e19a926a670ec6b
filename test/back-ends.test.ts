import { createHash } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonPage, serve } from '../src/python/testing/index-server.ts';
import { buildSdist } from '../src/python/testing/tars.ts';
import { BACK_ENDS, type BackEndFiles, rustCases } from './support/back-end-cases.ts';
import { type EndedCommand, type Event, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoRegistry, startDemoRegistry } from './support/demo-registry.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { machineState } from './support/images.ts';
import { passThrough } from './support/pass-through.ts';

/*
 * Every back end builds the smallest sdist of its kind: made-up releases on a loopback index, made-up crates in a loopback registry, build requirements from
 * the suite, and from this host's own index what the suite lacks (downloaded once).
 */

/** What these back ends are, as far as a suite lacks it or has it too old. */
const REAL =
  'cffi cython editables exceptiongroup flit-core hatch-vcs hatchling maturin meson meson-python packaging pathspec pdm-backend pluggy poetry-core puccinialin pyproject-metadata scikit-build-core semantic-version setuptools setuptools-rust setuptools-scm tomli trove-classifiers typing-extensions vcs-versioning wheel'.split(
    ' ',
  );
const CURD = { name: 'curd-crate', version: '1.0.0', files: { 'src/lib.rs': 'pub fn answer() -> i64 { 42 }\n' } };
const FAILING = {
  'be-no-lock': [
    'build-failed',
    'The build wants the crate curd-crate from the network, which no guest has; its upstream has to put a Cargo.lock that pins it into the sdist.',
  ],
  'be-git': [
    'build-failed',
    'The build takes a crate from the git repository https://www.example.org/whey, which no guest reaches;',
  ],
  'be-wrong-crate': ['rejected', 'curd-crate-1.0.0.crate of the registry has the sha256'],
} as const;

const SETUP_MS = 900_000;
let index: DemoIndex;
let registry: DemoRegistry;
let demo: DemoState;
let run: EndedCommand;

beforeAll(async () => {
  // Cargo.lock may pin what was yanked since.
  [index, registry, demo] = await Promise.all([
    startDemoIndex(),
    startDemoRegistry([{ ...CURD, yanked: true }]),
    stateWithImages(),
  ]);
  await mkdir(demo.state.cache, { recursive: true });
  for (const name of ['debs', 'layers', 'files']) {
    await mkdir(join(machineState.cache, name), { recursive: true });
    await symlink(join(machineState.cache, name), join(demo.state.cache, name));
  }
  await passThrough(index, REAL);
  const rust = rustCases({ source: registry.source, sha256: registry.sha256.get('curd-crate-1.0.0') ?? '' });
  const all = { ...BACK_ENDS, ...rust };
  for (const [project, files] of Object.entries(all)) offer(project, files);
  run = await rennet(['build', '--driver', 'namespace', '--allow-unisolated', ...Object.keys(all), ...demo.args], {
    env: { ...index.env, ...registry.env, TMPDIR: demo.temporary },
  });
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await registry.close();
  await index.close();
});

const attemptOf = (project: string): Event | undefined =>
  run.events.find((event) => event.event === 'attempt' && event['project'] === project);

describe('publishes a release of', () => {
  test.each([...Object.keys(BACK_ENDS), 'be-maturin', 'be-setuptools-rust'])('%s', (project) => {
    expect(attemptOf(project), run.stderr).toMatchObject({ outcome: 'published', version: '1.0' });
  });
});

test.each(Object.entries(FAILING))('%s ends with its sentence', (project, [outcome, sentence]) => {
  const attempt = attemptOf(project);
  expect(attempt, run.stderr).toMatchObject({ outcome });
  expect(attempt?.['sentence']).toContain(sentence);
});

describe('build requirements', () => {
  test("setup_requires is the hooks' own question, markers included", async () => {
    const requirements = await requirementsOf('be-setup-requires');
    expect(requirements).toContainEqual(expect.objectContaining({ by: 'official', name: 'python3-six' }));
    expect(requirements).toContainEqual(expect.objectContaining({ by: 'official', name: 'python3-setuptools-scm' }));
  });

  test('a back end of the index starts programs of the suite', async () => {
    const requirements = await requirementsOf('be-scikit');
    expect(requirements).toContainEqual(expect.objectContaining({ by: 'index', name: 'scikit-build-core' }));
    expect(requirements).toContainEqual(expect.objectContaining({ by: 'official', name: 'cmake' }));
    expect(requirements).toContainEqual(expect.objectContaining({ by: 'official', name: 'ninja-build' }));
  });

  test('crates are part of the provenance, by the hash of Cargo.lock', async () => {
    for (const project of ['be-maturin', 'be-setuptools-rust'])
      expect(await requirementsOf(project)).toContainEqual({
        requirement: '',
        by: 'crate',
        name: 'curd-crate',
        version: '1.0.0',
        sha256: registry.sha256.get('curd-crate-1.0.0'),
        filename: 'curd-crate-1.0.0.crate',
      });
  });
});

/** What the last attempt of a project says it was built with. */
async function requirementsOf(project: string): Promise<unknown> {
  const why = await rennet(['why', project, ...demo.args], { env: index.env });
  const [attempt] = why.events.filter(({ event }) => event === 'attempt');
  return (attempt?.['provenance'] as { buildRequirements?: unknown } | undefined)?.buildRequirements;
}

function offer(project: string, files: BackEndFiles): void {
  const metadata = `Metadata-Version: 2.1\nName: ${project}\nVersion: 1.0\nSummary: A release for tests\n`;
  const bytes = buildSdist(`${project}-1.0`, { 'PKG-INFO': metadata, ...files });
  const filename = `${project}-1.0.tar.gz`;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = { filename, url: `${index.url}/files/${filename}`, hashes: { sha256 }, size: bytes.length };
  index.answers[`/simple/${project}/`] = jsonPage(project, [file], { 'cache-control': 'no-store' });
  index.answers[`/files/${filename}`] = serve(bytes);
}
