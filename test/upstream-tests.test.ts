import { execa } from 'execa';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TESTS_LIMITS } from '../src/limits.ts';
import { createNamespaceDriver } from '../src/machine/namespace/namespace-driver.ts';
import { runTests } from '../src/tests/run-tests.ts';
import { type EndedCommand, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { testImages } from './support/images.ts';
import { writeJob, writeTree } from './support/sdist.ts';

// `rennet build --tests` on real guests: made-up projects on a loopback index, pytest of the suite.

/** The first test on a machine makes the images. */
const SETUP_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
let ended: EndedCommand;

const PYTEST = `import pytest
import milk, wcwidth

def test_passes():
    assert milk.__file__.startswith('/usr/lib/python3/dist-packages/')

def test_fails():
    assert 1 == 2

@pytest.mark.skip
def test_skipped():
    pass

@pytest.fixture
def broken():
    raise ValueError

def test_error(broken):
    pass
`;
const UNITTEST = `import os, unittest
import whey

class Tests(unittest.TestCase):
    def test_passes(self):
        self.assertEqual(os.getuid(), 1000)
    def test_no_network(self):
        self.assertLessEqual(set(os.listdir('/sys/class/net') if os.path.isdir('/sys/class/net') else []), {'lo', 'dummy0'})
    @unittest.skip('so')
    def test_skipped(self):
        pass
`;

const SLOW = `import time, unittest

class Tests(unittest.TestCase):
    def test_a(self):
        pass
    def test_b(self):
        time.sleep(600)
`;

beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  await index.add({
    project: 'milk',
    metadata: [
      'Provides-Extra: test',
      'Requires-Dist: pytest; extra == "test"',
      'Requires-Dist: no-such; extra == "test"',
      'Requires-Dist: wcwidth==99; extra == "test"',
    ],
    // Its own options ask for a plugin that is not there, and the copy beside the tests must not be what is tested.
    files: {
      'tests/test_milk.py': PYTEST,
      'setup.cfg': '[tool:pytest]\naddopts = --cov=milk\n',
      'milk.py': 'raise RuntimeError("not this one")\n',
    },
  });
  await index.add({
    project: 'whey',
    files: { 'tests/test_whey.py': UNITTEST, 'src/whey.py': 'raise RuntimeError\n' },
  });
  await index.add({
    project: 'rind',
    files: { 'tests/test_rind.py': 'import os\nos._exit(3)\n' },
  });
  await index.add({
    project: 'curds',
    files: { 'check.sh': 'PYTHONPATH=x python3 -c "import curds" && test ! -e curds.py\n' },
  });
  const hints = join(dirname(demo.state.root), 'hints.toml');
  await writeFile(hints, '[project.curds]\ntest-command = "sh check.sh"\n');
  ended = await run(
    'build',
    '--driver',
    'namespace',
    '--allow-unisolated',
    '--jobs',
    '2',
    '--overcommit',
    '--hints',
    hints,
    '--tests',
    'milk',
    'whey',
    'rind',
    'curds',
  );
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });
const attempt = (project: string) => {
  const found = ended.events.find((event) => event.event === 'attempt' && event['project'] === project);
  expect(found, ended.stderr).toMatchObject({ outcome: 'published' });
  return found;
};

test('pytest: counts, names and what is not there; the outcome stays', () => {
  expect(ended.status, ended.stderr).toBe(0);
  const milk = attempt('milk');
  expect(milk?.['tests']).toEqual({
    status: 'failed',
    sentence: "Upstream's tests (pytest): 1 passed, 1 failed, 1 with errors, 1 skipped.",
    runner: 'pytest',
    passed: 1,
    failed: 1,
    errors: 1,
    skipped: 1,
    failing: ['tests/test_milk.py::test_fails', 'tests/test_milk.py::test_error'],
    unmet: [
      expect.stringMatching(/^no-such is required, and \S+ has no package of it\.$/),
      expect.stringMatching(/^wcwidth==99 is required, and .* \(python3-wcwidth .*\), which was used\.$/),
    ],
  });
  expect(milk?.['timingsMs']).toMatchObject({ tests: expect.any(Number) });
});

test('unittest, where nothing asks for pytest', () => {
  expect(attempt('whey')?.['tests']).toMatchObject({
    status: 'passed',
    sentence: "Upstream's tests (unittest): 2 passed, 1 skipped.",
    failing: [],
    unmet: [],
  });
});

test('tests that break their runner are reported as such', () => {
  expect(attempt('rind')?.['tests']).toMatchObject({
    status: 'failed',
    sentence: expect.stringMatching(/\(unittest\): 0 passed; unittest ended with status 3: /),
  });
});

test("the operator's command in the place of what is found", () => {
  expect(attempt('curds')?.['tests']).toMatchObject({
    status: 'passed',
    sentence: "Upstream's tests (command): 0 passed.",
  });
});

test('rennet why shows them; the log has them under a title', async () => {
  const why = await rennet(['why', 'milk', ...demo.args], { plain: true });
  expect(why.stdout).toMatch(
    /1 passed, 1 failed, 1 with errors, 1 skipped\.\n {4}failed: tests\/test_milk.py::test_fails\n/,
  );
  expect(why.stdout).toContain('not met for them: no-such is required');
  const log = await run('log', String(attempt('milk')?.['attempt']));
  const titles = log.events.map(({ line }) => String(line)).filter((line) => line.startsWith('── '));
  expect(titles).toEqual(['── build ──', '── check ──', '── tests ──']);
});

test('tests that hang are stopped within the guest, and counted as far as they came', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-tests-'));
  try {
    await writeTree(join(folder, 'deb'), {
      '/DEBIAN/control':
        'Package: python3-slow\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: test\n',
      '/usr/lib/python3/dist-packages/slow.py': '',
    });
    await mkdir(join(folder, 'in/debs'), { recursive: true });
    await execa('dpkg-deb', ['--root-owner-group', '--build', join(folder, 'deb'), join(folder, 'in/debs/slow.deb')]);
    await writeTree(join(folder, 'slow-1'), { '/test_slow.py': SLOW });
    await execa('tar', ['--create', '--gzip', '--file', join(folder, 'in/slow-1.tar.gz'), 'slow-1'], { cwd: folder });
    await writeJob(join(folder, 'in'), {
      kind: 'tests',
      layers: [],
      debs: ['debs/slow.deb'],
      package: 'python3-slow',
      source: 'slow-1.tar.gz',
      keep: ['test_slow.py'],
      runner: 'auto',
      start: '.',
      installed: [],
      command: '',
      seconds: 5,
    });
    const ports = {
      driver: createNamespaceDriver(),
      image: (await testImages(['folder'])).runtime,
      reset: 'overlay',
      limits: TESTS_LIMITS,
      folder,
      progress: () => {},
      onReport: () => {},
    } as const;
    expect(await runTests('slow', join(folder, 'in'), ports, new AbortController().signal)).toEqual({
      status: 'failed',
      sentence: "Upstream's tests (unittest) did not end in time: 1 passed.",
      runner: 'unittest',
      passed: 1,
      failed: 0,
      errors: 0,
      skipped: 0,
      failing: [],
      unmet: [],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
