import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EndedCommand, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { DEFECTS, HARMLESS, type SilentCase } from './support/silent-cases.ts';

// What a conversion loses in silence: for each rule of docs/check-rules.md that a release can break a release that does, and one that
// comes near and is published. Real guests, a loopback index of made-up releases with upstream's own wheels beside.

/** The first test on a machine makes the images. */
const SETUP_MS = 600_000;
let index: DemoIndex;
let demo: DemoState;
let ended: EndedCommand;
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  for (const { release } of [...DEFECTS, ...HARMLESS]) await index.add(release);
  const projects = [...DEFECTS, ...HARMLESS].map(({ release }) => release.project);
  ended = await run('build', '--driver', 'namespace', '--allow-unisolated', '--jobs', '2', '--overcommit', ...projects);
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await index.close();
});

const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });
const attemptOf = (project: string) =>
  ended.events.find((event) => event.event === 'attempt' && event['project'] === project);
const named = (cases: readonly SilentCase[]) => cases.map((each) => [each.release.project, each] as const);

test.each(named(DEFECTS))('%s is not published', (project, { outcome = 'check-failed', rule, sentence }) => {
  const attempt = attemptOf(project);
  expect(attempt, ended.stderr).toMatchObject({ outcome, rule, sentence: expect.stringMatching(sentence ?? /./) });
});

test.each(named(HARMLESS))('%s is published', (project) => {
  const attempt = attemptOf(project);
  expect(attempt, ended.stderr).toMatchObject({ outcome: 'published' });
});

interface Why {
  readonly evidence: { readonly check: { readonly passed: readonly string[]; readonly notes: readonly string[] } };
  readonly ledger: readonly { readonly fact: string; readonly fate: string; readonly detail: string }[];
}
const why = async (project: string) => (await run('why', project, '--all')).events[0] as unknown as Why;

describe('rennet why', () => {
  test('names the rules that were passed, what is odd, and what was left out by rule', async () => {
    const { evidence, ledger } = await why('near-files');
    expect(evidence.check).toMatchObject({ comparedWith: 'near_files-1.0-py3-none-any.whl', notes: [] });
    expect(evidence.check.passed).toContain('scripts');
    const lost = ledger.filter(({ detail }) => detail.startsWith("is in upstream's wheel only"));
    expect(lost.map(({ fact }) => fact)).toEqual(['near_files_tests/test_a.py', 'tests/__init__.py']);
    const generic = ledger.filter(({ detail }) => detail.startsWith('generic-name: '));
    expect(generic.map(({ fact, fate }) => `${fact} ${fate}`)).toEqual(['docs/conf.py left-out']);
  });

  test('says what was taken for optional', async () => {
    const { evidence } = await why('near-extension');
    expect(evidence.check.notes).toEqual([expect.stringContaining("upstream's own wheel has none either")]);
    const text = await rennet(['why', 'near-extension', ...demo.args], { plain: true });
    expect(text.stdout).toContain("upstream's own wheel has none either");
  });
});

test("upstream's pure wheel stands in for an sdist that gives less, and the ledger says so", async () => {
  const { ledger } = await why('from-wheel');
  const fates = new Map(ledger.map(({ fact, fate, detail }) => [fact, `${fate}: ${detail}`]));
  expect(fates.get('from-wheel-1.0.tar.gz')).toMatch(
    /^left-out: python3-from-wheel lacks a file .*from_wheel_data\/table\.json/,
  );
  expect(fates.get('from_wheel-1.0-py3-none-any.whl')).toMatch(/because its sdist gives less than that wheel: /);
  expect(fates.get('from_wheel_data/table.json')).toMatch(/^translated/);
});

test('what mends a package is in its ledger: a command without a function, setuptools that nobody declared', async () => {
  const lost = (await why('near-function')).ledger.find(({ fact }) => fact === 'near-function = near_function:absent');
  expect(lost).toMatchObject({ fate: 'left-out', detail: expect.stringContaining("cannot import name 'absent'") });
  const listed = await execa('dpkg-deb', ['--contents', String(attemptOf('near-function')?.['file'])]);
  expect(listed.stdout).not.toContain('/usr/bin/');
  const added = (await why('near-setuptools')).ledger.find(({ fact }) => fact === 'setuptools');
  expect(added).toMatchObject({ fate: 'approximated', detail: expect.stringContaining('imports pkg_resources') });
  const { stdout } = await execa('dpkg-deb', ['--field', String(attemptOf('near-setuptools')?.['file']), 'Depends']);
  expect(stdout).toContain('python3-setuptools');
});

test('what the result is decides its architecture and its bounds on Python', async () => {
  const controls = new Map(
    await Promise.all(
      ['near-scripts', 'compiled-abi', 'compiled-abi3', 'near-architecture'].map(async (project) => {
        const { stdout } = await execa('dpkg-deb', [
          '--field',
          String(attemptOf(project)?.['file']),
          'Architecture',
          'Depends',
        ]);
        const lines = stdout.split('\n').map((line) => /^([^:]+): (.*)$/.exec(line)?.slice(1) ?? []);
        return [project, Object.fromEntries(lines) as Record<string, string>] as const;
      }),
    ),
  );
  const minor = Number(/3\.(\d+)/.exec(controls.get('compiled-abi')?.['Depends'] ?? '')?.[1]);
  const own = controls.get('compiled-abi')?.['Architecture'];
  expect(own).not.toBe('all');
  expect(controls.get('compiled-abi')?.['Depends']).toMatch(`python3 (>= 3.${minor}~), python3 (<< 3.${minor + 1}~~)`);
  expect(controls.get('compiled-abi3')).toMatchObject({
    Architecture: own,
    Depends: expect.stringMatching(/^python3(?:, libc6 .*)?$/),
  });
  expect(controls.get('near-scripts')).toMatchObject({ Architecture: 'all', Depends: 'python3:any' });
  expect(controls.get('near-architecture')).toMatchObject({ Architecture: own, Depends: 'python3:any, python3-six' });
});
