import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildSdist } from '../src/python/testing/tars.ts';
import { type CliRun, cli, only } from './support/cli.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { jsonPage, serve } from '../src/python/testing/index-server.ts';

/*
 * A build sees the standard library and what was declared, nothing else (CONVERSION.md, "Build requirements"); what else it
 * imports is looked up in the suite (test/hints.test.ts). The releases here
 * are small sdists on a loopback index; what they declare comes from the suite.
 */

const UNISOLATED = ['--driver', 'namespace', '--allow-unisolated'];
const SETUP_MS = 900_000;

let index: DemoIndex;
beforeAll(async () => {
  index = await startDemoIndex();
  for (const [project, files] of Object.entries(RELEASES)) offer(project, '1.0', files);
});
afterAll(async () => {
  const names = (await cli(['list'])).all('package').map((row) => row.package);
  const own = [...new Set(names)].filter((name) => name.startsWith('python3-curdtest-'));
  if (own.length > 0) await cli(['remove', ...own]);
  await index.close();
});

describe('in a virtual machine', () => {
  let run: CliRun;
  beforeAll(async () => {
    run = await build(['curdtest-undeclared', 'curdtest-declared']);
  }, SETUP_MS);

  test('a setup.py that imports what it does not declare gets it in a fresh guest, where the suite has it', () => {
    const undeclared = run.all('attempt').find(({ project }) => project === 'curdtest-undeclared');
    expect(undeclared, run.stderr).toMatchObject({ outcome: 'published', driver: 'qemu' });
    expect(run.status).toBe(0);
    expect(only(run, 'summary')).toMatchObject({ published: 2, failed: 0 });
  });

  test('what it gets so is told', async () => {
    expect(only(await cli(['why', 'curdtest-undeclared']), 'attempt').provenance?.['hints']).toEqual([
      { package: 'python3-yaml', origin: 'learned', reason: 'Python module yaml' },
    ]);
  });

  test('the same setup.py that declares it works', async () => {
    expect(
      run.all('attempt').find(({ project }) => project === 'curdtest-declared'),
      run.stderr,
    ).toMatchObject({
      project: 'curdtest-declared',
      outcome: 'published',
      package: 'python3-curdtest-declared',
    });
    expect(await requirementsOf('curdtest-declared')).toContainEqual(
      expect.objectContaining({ requirement: 'PyYAML', by: 'official', name: 'python3-yaml' }),
    );
  });
});

describe('without one, for speed', () => {
  const FAILING: readonly [string, string, RegExp][] = [
    ['curdtest-module', 'missing-module', /The build imports rennet_none, which .* No package of \S+ has /],
    ['curdtest-network', 'needs-network', /wants the network, which no guest has/],
    ['curdtest-nothing', 'no-wheel', /ended without a wheel/],
    ['curdtest-question', 'back-end-error', /EOFError: EOF when reading a line/],
  ];
  let run: CliRun;
  beforeAll(async () => {
    run = await build([...FAILING.map(([project]) => project), 'curdtest-hook'], UNISOLATED);
  }, SETUP_MS);
  const attemptOf = (project: string) => run.all('attempt').find((attempt) => attempt.project === project);

  test.each(FAILING)('%s ends as %s', (project, failureClass, sentence) => {
    const attempt = attemptOf(project);
    expect(attempt?.sentence, run.stderr).toMatch(sentence);
    expect(attempt).toMatchObject({ outcome: 'build-failed', class: failureClass });
  });

  test('a hook that asks for one more requirement gets it in a second guest', async () => {
    const attempt = attemptOf('curdtest-hook');
    expect(attempt, run.stderr).toMatchObject({ outcome: 'published', isolation: 'none', driver: 'namespace' });
    expect(await requirementsOf('curdtest-hook')).toContainEqual(
      expect.objectContaining({ requirement: 'tomli >= 1', by: 'official', name: 'python3-tomli' }),
    );
    const log = (await cli(['log', attempt?.attempt ?? ''])).all('log').map(({ line }) => line);
    expect(log.filter((line) => line.startsWith('── '))).toEqual(['── build ──', '── build ──', '── check ──']);
  });

  test('the log of a build is shown without what would act on a terminal', async () => {
    const { attempt = '' } = attemptOf('curdtest-nothing') ?? {};
    const people = await cli(['log', attempt], { plain: true });
    expect(people.stdout).toMatch(/^red bell title end$/m);
    expect(people.stdout).not.toMatch(/[^\P{Cc}\n\t]/u);
    const programs = await cli(['log', attempt]);
    expect(programs.all('log').map(({ line }) => line)).toContain(
      '\u001b[31mred\u001b[0m bell\u0007 \u001b]0;x\u0007title end',
    );
  });

  test('other bytes of a published version get the next build number', async () => {
    const version = `1.${Math.floor(Date.now() / 1000)}`;
    const outcomes: string[] = [];
    for (const answer of ['1', '2', '2']) {
      offer('curdtest-bytes', version, inTree('curdtest-bytes', version, '', `ANSWER = ${answer}`));
      const attempt = only(await build(['curdtest-bytes', '--rebuild'], UNISOLATED), 'attempt');
      outcomes.push(`${attempt.outcome} ${attempt.packageVersion?.replace(/~[^~]*$/, '')}`);
    }
    const upstream = `published ${version}-0`;
    expect(outcomes).toEqual([`${upstream}~pypi1`, `${upstream}~pypi2`, `${upstream}~pypi2`]);
  });
});

async function build(projects: readonly string[], options: readonly string[] = []): Promise<CliRun> {
  return cli(['build', ...projects, ...options], { index: `${index.url}/simple` });
}

/** What the last attempt of a project says it was built with. */
async function requirementsOf(project: string): Promise<unknown> {
  return only(await cli(['why', project]), 'attempt').provenance?.['buildRequirements'];
}

/** Puts an sdist on the index, in the place of what was there. */
function offer(project: string, version: string, files: Readonly<Record<string, string>>): void {
  const bytes = buildSdist(`${project}-${version}`, { 'PKG-INFO': metadata(project, version), ...files });
  const filename = `${project}-${version}.tar.gz`;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = { filename, url: `${index.url}/files/${filename}`, hashes: { sha256 }, size: bytes.length };
  index.answers[`/simple/${project}/`] = jsonPage(project, [file], { 'cache-control': 'no-store' });
  index.answers[`/files/${filename}`] = serve(bytes);
}

/** Of a version that says nothing about what is dynamic, so that the plan waits for the build. */
function metadata(project: string, version: string): string {
  return `Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\nSummary: A release for tests\n`;
}

/** An sdist as setuptools makes them; `first` runs before its `setup()`. */
function setupPy(project: string, first: string, requires?: string): Record<string, string> {
  const module = project.replaceAll('-', '_');
  return {
    'setup.py': `${first}\nfrom setuptools import setup\nsetup(name="${project}", version="1.0", py_modules=["${module}"])\n`,
    [`${module}.py`]: 'ANSWER = 42\n',
    ...(requires === undefined ? {} : { 'pyproject.toml': `[build-system]\nrequires = [${requires}]\n` }),
  };
}

/** An sdist with a back end of its own, which needs nothing; `first` runs in `build_wheel`. */
function inTree(
  project: string,
  version: string,
  first: string,
  module = 'ANSWER = 42',
  requires = '',
): Record<string, string> {
  const name = project.replaceAll('-', '_');
  const info = `${name}-${version}.dist-info`;
  const wheel = 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n';
  const files = {
    [`${name}.py`]: `${module}\n`,
    [`${info}/METADATA`]: metadata(project, version),
    [`${info}/WHEEL`]: wheel,
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((path) => `${path},,\n`).join('');
  return {
    'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    'backend.py': `import json, os, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return [${requires}]
def build_wheel(folder, config_settings=None, metadata_directory=None):
    ${first === '' ? 'pass' : first}
    name = '${name}-${version}-py3-none-any.whl'
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:
        for path, text in json.loads(${JSON.stringify(JSON.stringify({ ...files, [`${info}/RECORD`]: record }))}).items():
            wheel.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return name
`,
  };
}

const PRINTED = String.raw`print("\x1b[31mred\x1b[0m bell\x07 \x1b]0;x\x07title end")`;
const RELEASES = {
  'curdtest-undeclared': setupPy('curdtest-undeclared', 'import yaml'),
  'curdtest-declared': setupPy('curdtest-declared', 'import yaml', '"setuptools", "PyYAML"'),
  'curdtest-module': {
    ...setupPy('curdtest-module', '', ''),
    ...inTree('curdtest-module', '1.0', 'import rennet_none'),
  },
  'curdtest-network': inTree(
    'curdtest-network',
    '1.0',
    'import urllib.request as u; u.urlopen("https://www.example.org/")',
  ),
  'curdtest-nothing': setupPy('curdtest-nothing', `${PRINTED}\nraise SystemExit(0)`),
  'curdtest-question': setupPy('curdtest-question', 'name = input("Your name? ")'),
  'curdtest-hook': inTree('curdtest-hook', '1.0', 'import tomli', undefined, '"tomli >= 1"'),
};
