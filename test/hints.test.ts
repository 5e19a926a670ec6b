import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EndedCommand, expectAttempt, expectError, rennet } from './support/command.ts';
import { type DemoIndex, type DemoRelease, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// What a build misses and the suite has: real guests, real packages of the suite, made-up projects on a loopback index.

/** The first test on a machine makes the images. */
const SETUP_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
let first: EndedCommand;
let remembered: EndedCommand;
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  for (const release of RELEASES) await index.add(release);
  first = await build('--jobs', '2', '--overcommit', ...RELEASES.map(({ project }) => project));
  remembered = await run('hints');
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });
const build = (...args: readonly string[]): Promise<EndedCommand> =>
  run('build', '--driver', 'namespace', '--allow-unisolated', ...args);
const attemptOf = (project: string, ended = first) =>
  ended.events.find((event) => event.event === 'attempt' && event['project'] === project);
const hintsIn = (ended: EndedCommand, project: string, name = 'hint') =>
  ended.events
    .filter(({ event, project: of }) => event === name && of === project)
    .map((event) => `${String(event['value'])}: ${String(event['reason'])}`);

async function guestsOf(project: string, ended = first): Promise<string[]> {
  const log = await run('log', String(attemptOf(project, ended)?.['attempt']));
  return log.events.map(({ line }) => String(line)).filter((line) => line.startsWith('── '));
}
const guests = (builds: number) => [...Array.from({ length: builds }, () => '── build ──'), '── check ──'];

const SETUP = `from setuptools import Extension, setup
setup(name="hints-c", version="1.0", ext_modules=[Extension("hints_c", ["hints_c.c"], libraries=["lmdb"])])
`;
const C = `#include <lmdb.h>
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "hints_c", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_hints_c(void) { mdb_version(NULL, NULL, NULL); return PyModule_Create(&module); }
`;
const check = (...command: readonly string[]) =>
  `import subprocess\nsubprocess.check_output(${JSON.stringify(command)})`;
const RELEASES: readonly DemoRelease[] = [
  {
    project: 'hints-c',
    files: { 'pyproject.toml': '[build-system]\nrequires = ["setuptools"]\n', 'setup.py': SETUP, 'hints_c.c': C },
  },
  { project: 'hints-pkg-config', hook: check('pkg-config', '--cflags', 'lmdb') },
  { project: 'hints-program', hook: check('gperf', '--version') },
  { project: 'hints-module', hook: 'import yaml' },
  {
    project: 'hints-none',
    hook: 'open("x.c", "w").write("#include <rennet/none.h>")\nimport subprocess\nsubprocess.run(["gcc", "-c", "x.c"], check=True)',
  },
  { project: 'hints-no-module', hook: 'import rennet_none' },
  { project: 'hints-worse', hook: `${check('gperf', '--version')}\nraise ValueError("no")` },
];

describe('what the suite has is tried in a fresh guest', () => {
  test.each<[string, number, readonly string[]]>([
    ['hints-c', 2, ['liblmdb-dev: header lmdb.h']],
    ['hints-pkg-config', 3, ['liblmdb-dev: pkg-config module lmdb', 'pkgconf: program pkg-config']],
    ['hints-program', 2, ['gperf: program gperf']],
    ['hints-module', 2, ['python3-yaml: Python module yaml']],
  ])('%s', async (project, builds, learned) => {
    expect(attemptOf(project), first.stderr).toMatchObject({ outcome: 'published' });
    expect(await guestsOf(project)).toEqual(guests(builds));
    const known = hintsIn(remembered, project);
    expect(known).toHaveLength(learned.length);
    // Debian 12 calls it pkgconf, older ones pkg-config.
    for (const text of learned)
      expect(known.map((one) => one.replace(/^pkg-?conf(?:ig)?:/, 'pkgconf:'))).toContain(text);
  });

  test('what it links to is in Depends, what built it is not', async () => {
    const [why] = (await run('why', 'hints-c')).events;
    expect(why).toMatchObject({
      evidence: { dependencies: expect.arrayContaining([expect.stringMatching(/^liblmdb0 /)]) as string[] },
      provenance: {
        hints: [{ package: 'liblmdb-dev', origin: 'learned', reason: 'header lmdb.h' }],
        buildRequirements: expect.arrayContaining([expect.objectContaining({ name: 'liblmdb-dev' })]) as object[],
      },
    });
    expect(JSON.stringify(why?.['evidence'])).not.toContain('liblmdb-dev');
  });

  test('the next build has it from the start; the ledgers of both say so', async () => {
    const line = {
      kind: 'hint',
      fact: 'build package liblmdb-dev',
      fate: 'translated',
      detail: "in the build; the suite's Contents, header lmdb.h",
    };
    const [before] = (await run('why', 'hints-c')).events;
    expect(before?.['ledger']).toContainEqual(line);
    const again = await build('hints-c', '--rebuild');
    expect(attemptOf('hints-c', again), again.stderr).toMatchObject({ outcome: 'published' });
    expect(await guestsOf('hints-c', again)).toEqual(guests(1));
    const [why] = (await run('why', 'hints-c')).events;
    expect(why?.['ledger']).toContainEqual(line);
  });
});

describe('what the suite has not, or what does not help', () => {
  test.each<[string, string, RegExp]>([
    [
      'hints-none',
      'missing-header',
      /needs the header rennet\/none\.h, .* No package of \S+ has the header rennet\/none\.h\.$/,
    ],
    [
      'hints-no-module',
      'missing-module',
      /imports rennet_none, .* No package of \S+ has the Python module rennet_none; where a project .* names that\.$/,
    ],
    ['hints-worse', 'back-end-error', /^hints-worse 1\.0: The build back end failed: ValueError: no\.$/],
  ])('%s ends as %s with its sentence, and nothing is remembered', async (project, failureClass, sentence) => {
    expect(attemptOf(project), first.stderr).toMatchObject({
      outcome: 'build-failed',
      class: failureClass,
      sentence: expect.stringMatching(sentence) as string,
    });
    expect(hintsIn(remembered, project)).toEqual([]);
  });

  test('an answer that changes nothing is final after one guest', async () => {
    expect(await guestsOf('hints-none')).toEqual(['── build ──']);
    expect(await guestsOf('hints-worse')).toEqual(['── build ──', '── build ──']);
  });
});

describe('what the operator says', () => {
  test('rennet hints add takes official packages only; remove forgets them', async () => {
    const added = await run(
      'hints',
      'add',
      'Hints_Own',
      '--build-package',
      'gperf',
      '--run-package',
      'liblmdb0 (>= 0.9)',
    );
    expect(added.status, added.stderr).toBe(0);
    expect(hintsIn(added, 'hints-own').toSorted()).toEqual(['gperf: ', 'liblmdb0 (>= 0.9): ']);
    const unknown = await run('hints', 'add', 'hints-own', '--run-package', 'python3-rennet-none');
    expect(expectError(unknown, 'unknown-package', 2).sentence).toMatch(/has no official package python3-rennet-none/);
    expectError(await run('hints', 'add', 'hints-own', '--build-package', '../x'), 'bad-usage', 2);
    expectError(await run('hints', 'add', 'hints-own'), 'bad-usage', 2);
    const one = await run('hints', 'remove', 'hints-own', '--build-package', 'gperf');
    expect(hintsIn(one, 'hints-own', 'forgotten')).toEqual(['gperf: ']);
    const all = await run('hints', 'remove', 'hints-own');
    expect(hintsIn(all, 'hints-own', 'forgotten')).toEqual(['liblmdb0 (>= 0.9): ']);
    expectError(await run('hints', 'remove', 'hints-own'), 'unknown-package', 2);
  });

  test('the hints file adds to the build and to Depends, and names what is imported', async () => {
    await index.add({ project: 'hints-file', hook: check('gperf', '--version'), files: { 'other.py': '' } });
    await writeFile(
      demo.state.hintsFile,
      '[project.hints_file]\nspecifier = ">=1"\nbuild-depends = ["gperf"]\ndepends = ["liblmdb0"]\nimports = ["hints_file", "json"]\n',
    );
    const ended = await build('hints-file');
    expect(ended.events[0]?.['notes']).toEqual([
      'Hints give the build of hints-file 1.0 gperf.',
      'Hints let hints-file 1.0 depend on liblmdb0.',
    ]);
    expectAttempt(ended, 'published', 0);
    expect(await guestsOf('hints-file', ended)).toEqual(guests(1));
    const [why] = (await run('why', 'hints-file')).events;
    const { evidence, ledger } = why as unknown as {
      evidence: { dependencies: string[]; check: { imports: { module: string }[] } };
      ledger: { kind: string; fact: string }[];
    };
    expect(evidence.dependencies).toContainEqual(expect.stringMatching(/^liblmdb0 /));
    expect(evidence.check.imports.map(({ module }) => module)).toEqual(['hints_file', 'json']);
    expect(ledger.filter(({ kind }) => kind === 'hint').map(({ fact }) => fact)).toEqual([
      'build package gperf',
      'run package liblmdb0',
      'imports hints_file, json',
    ]);
  });

  test('what the suite does not have is no package; a broken file stops everything at once', async () => {
    await index.add({ project: 'hints-bad' });
    const file = join(demo.temporary, 'other.toml');
    await writeFile(file, '[project.hints-bad]\ndepends = ["python3-rennet-none"]\n');
    const refused = expectAttempt(await build('hints-bad', '--hints', file), 'unsatisfiable', 1);
    expect(refused['sentence']).toMatch(/hints ask for python3-rennet-none, which \S+ does not have/);
    await writeFile(file, '[project.hints-bad]\ndepend = ["x"]\n');
    const broken = await build('hints-bad', '--hints', file);
    expect(expectError(broken, 'bad-usage', 2).sentence).toMatch(
      /line 2, is refused: project\.hints-bad\.depend is no known key/,
    );
    expectError(await build('hints-bad', '--hints', join(demo.temporary, 'none.toml')), 'bad-usage', 2);
  });
});
