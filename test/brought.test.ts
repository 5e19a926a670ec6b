import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EndedCommand, expectAttempt, expectError, expectSentence, rennet } from './support/command.ts';
import { type DemoIndex, type DemoRelease, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';
import { filesWith, localProject, writeLines } from './support/local-project.ts';

// What users bring: requirements files, local sources, an index of their own, upgrades. Real guests, loopback indexes, made-up projects.

const SETUP_MS = 600_000;
let index: DemoIndex;
let privateIndex: DemoIndex;
let demo: DemoState;
beforeAll(async () => {
  [index, privateIndex, demo] = await Promise.all([startDemoIndex(), startDemoIndex(), stateWithImages()]);
}, SETUP_MS);
afterAll(async () => {
  await demo.close();
  await Promise.all([index.close(), privateIndex.close()]);
});

const LOGIN = { name: 'reader', password: 'sw0rdfish-of-the-index' };
const run = (...args: readonly string[]): Promise<EndedCommand> => runWith({}, ...args);
const runWith = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary, NETRC: '/dev/null', ...env } });
const GUESTS = ['--driver', 'namespace', '--allow-unisolated'];
const build = (...args: readonly string[]): Promise<EndedCommand> => run('build', ...GUESTS, ...args);

interface Item {
  readonly project: string;
  readonly version: string;
  readonly action: string;
  readonly sentence: string;
}
const attempts = (ended: EndedCommand) => ended.events.filter(({ event }) => event === 'attempt');
const outcomes = (ended: EndedCommand) =>
  attempts(ended)
    .map(({ project, version, outcome }) => [project, version, outcome].join(' '))
    .toSorted();
const items = (ended: EndedCommand): Item[] =>
  ended.events.filter(({ event }) => event === 'plan').flatMap((event) => event['items'] as Item[]);
const actions = (ended: EndedCommand) =>
  items(ended).map(({ project, version, action }) => `${project} ${version} ${action}`);
const needing = (...texts: readonly string[]) => texts.map((text) => `Requires-Dist: ${text}`);

async function offer(...releases: readonly DemoRelease[]): Promise<void> {
  for (const release of releases) await index.add(release);
}

/** A file beside the state folder. */
const file = (name: string, ...lines: readonly string[]): Promise<string> =>
  writeLines(join(demo.state.root, '..', 'brought', name), ...lines);
const folder = (name: string, version: string, project: readonly string[], module?: string): Promise<string> =>
  localProject(join(demo.state.root, '..', 'brought', name), { name, version, project, ...(module && { module }) });

describe('a requirements file', () => {
  beforeAll(() =>
    offer(
      { project: 'req-a', metadata: [...needing('req-c', 'req-d; extra == "more"'), 'Provides-Extra: more'] },
      { project: 'req-b' },
      { project: 'req-b', version: '2.0' },
      { project: 'req-c' },
      { project: 'req-c', version: '2.0' },
      { project: 'req-d' },
    ),
  );

  test(
    'is built with markers, extras, nested files and constraints',
    async () => {
      await file('more.txt', 'req-b ~= \\', '  1.0   # the old series');
      const constraints = await file('constraints.txt', 'req-c<2');
      const path = await file(
        'requirements.txt',
        '# what we need',
        'Req_A[more]',
        '-r more.txt',
        'six',
        'nothing ; sys_platform == "win32"',
      );
      const ended = await build('-r', path, '-c', constraints);
      expect(ended.status, ended.stderr).toBe(0);
      expect(outcomes(ended)).toEqual([
        'req-a 1.0 published',
        'req-b 1.0 published',
        'req-c 1.0 published',
        'req-d 1.0 published',
        expect.stringMatching(/^six \S+ skipped-official$/),
      ]);
      expect(ended.stderr).toMatch(/requirements\.txt, line 5: nothing is not for \S+: its marker is false there\./);
      // The constraint held for this run; the package itself says what upstream says.
      const [why] = (await run('why', 'req-a')).events;
      expect(JSON.stringify(why)).not.toContain('req-c (<<');
    },
    SETUP_MS,
  );

  test('a package that was made of another file is built anew', async () => {
    const { bytes } = await index.add({ project: 'req-d', module: 'OTHER = 1' });
    expect(actions(await run('plan', 'req-d'))).toEqual(['req-d 1.0 built']);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const path = await file('exact.txt', `req-d==1.0 --hash=sha256:${sha256} \\`, `  --hash=sha256:${'0'.repeat(64)}`);
    const ended = await build('-r', path);
    expect(attempts(ended)[0]).toMatchObject({ outcome: 'published', packageVersion: '1.0-0~pypi2~deb12' });
    expect(actions(await run('plan', '-r', path))).toEqual(['req-d 1.0 built']);
  });
});

describe('a local source', () => {
  const declared = ['[project]', 'name = "home-made"', 'version = "1.2"', 'dependencies = ["six"]'];

  test(
    'is built, known as local, and never replaced by the index',
    async () => {
      // A stranger's project of the same name, newer.
      await offer(
        { project: 'home-made', version: '9.0' },
        { project: 'uses-home', metadata: needing('home-made>=1') },
      );
      const path = await folder('home-made', '1.2', declared);
      const ended = await build(path, 'uses-home');
      expect(outcomes(ended), ended.stderr).toEqual(['home-made 1.2 published', 'uses-home 1.0 published']);
      const [why] = (await run('why', 'home-made')).events;
      expect(why?.['provenance']).toMatchObject({
        source: { origin: 'local', filename: 'home_made-1.2.tar.gz', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      });
      expect(JSON.stringify(why)).not.toContain(join(demo.state.root, '..', 'brought'));
      // By its name it is what is there; what asks for more than that is held.
      const named = await run('plan', 'home-made');
      expect(items(named)[0]).toMatchObject({
        action: 'built',
        sentence: expect.stringContaining('made from a local source'),
      });
      await offer({ project: 'wants-nine', metadata: needing('home-made>=9') });
      const held = await run('plan', 'wants-nine');
      expect(held.status).toBe(1);
      expect(items(held).at(-1)?.sentence).toMatch(
        /home-made is published from a local source .* rennet remove python3-home-made/,
      );
    },
    SETUP_MS,
  );

  test('the same folder is the same; another content is built anew under the next number', async () => {
    const path = await folder('home-made', '1.2', declared);
    expect(actions(await run('plan', path))).toContain('home-made 1.2 built');
    await folder('home-made', '1.2', declared, 'X = 2');
    const ended = await build(path);
    expect(attempts(ended)[0]).toMatchObject({ outcome: 'published', packageVersion: '1.2-0~pypi2~deb12' });
  });

  test('whose name and version only its code tells is asked in a guest', async () => {
    const path = await folder('tells-late', '3.1', []);
    const ended = await build(path);
    expect(outcomes(ended), ended.stderr).toEqual(['tells-late 3.1 published']);
    const broken = await folder('tells-never', '3.1', []);
    await writeFile(join(broken, 'backend.py'), 'raise ValueError("no")\n');
    const failed = await build(broken);
    const { sentence, hint } = expectError(failed, 'bad-metadata', 1);
    expect(sentence).toContain('build-failed');
    const log = await run(...hint.replace('rennet ', '').split(' '));
    expect(JSON.stringify(log.events)).toContain('ValueError');
    expect((await readdir(demo.state.attempts)).filter((name) => name.startsWith('.identify'))).toEqual([]);
  });
});

describe('an index of their own', () => {
  const guarded =
    (answer: RequestListener): RequestListener =>
    (request, response) => {
      const wanted = `Basic ${Buffer.from(`${LOGIN.name}:${LOGIN.password}`).toString('base64')}`;
      if (request.headers.authorization === wanted) answer(request, response);
      else response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
    };
  beforeAll(async () => {
    await privateIndex.add({ project: 'in-house' });
    for (const [path, answer] of Object.entries(privateIndex.answers)) privateIndex.answers[path] = guarded(answer);
    // A stranger has taken the name on the other index.
    await offer({ project: 'in-house', version: '99.0' });
  });
  const url = (login = '') => privateIndex.env.PIP_INDEX_URL.replace('//', `//${login}`);

  test('asks for a login, and is used with that of the address or of netrc, which nothing repeats', async () => {
    const without = await build('in-house', '--index-url', url());
    expect(expectAttempt(without, 'infrastructure', 3)['sentence']).toMatch(/refuses access .*\(401\)/);
    const netrc = await file('netrc', `machine 127.0.0.1 login ${LOGIN.name} password ${LOGIN.password}`);
    const planned = await runWith({ NETRC: netrc }, 'plan', 'in-house', '--index-url', url());
    expect(actions(planned)).toEqual(['in-house 1.0 build']);
    const ended = await build('in-house', '--index-url', url(`${LOGIN.name}:${LOGIN.password}@`));
    expect(outcomes(ended), ended.stderr).toEqual(['in-house 1.0 published']);
    const why = await run('why', 'in-house');
    expect(why.events[0]?.['provenance']).toMatchObject({ source: { origin: url() } });
    const said = [without, planned, ended, why].map(({ stdout, stderr }) => stdout + stderr).join('');
    const secrets = [LOGIN.password, Buffer.from(`${LOGIN.name}:${LOGIN.password}`).toString('base64')];
    for (const secret of secrets) expect(said).not.toContain(secret);
    for (const secret of secrets) expect(await filesWith(demo.state.root, secret)).toEqual([]);
  });

  test('is not left for another one in silence', async () => {
    const planned = await run('plan', 'in-house');
    expect(items(planned)[0]).toMatchObject({
      version: '1.0',
      action: 'built',
      sentence: expect.stringContaining(url()),
    });
    const other = await run('plan', 'in-house>=2');
    expect(items(other)[0]?.sentence).toMatch(/in-house is published from the index .* may be something else/);
  });
});

describe('rennet upgrade', () => {
  test(
    'builds what is newer and fits, and says what holds the rest back',
    async () => {
      await offer(
        { project: 'up-a' },
        { project: 'up-b', metadata: needing('up-c<2') },
        { project: 'up-c' },
        { project: 'up-d' },
      );
      await build('up-a', 'up-b', 'up-d');
      await offer(
        { project: 'up-a', version: '2.0', metadata: needing('up-e') },
        { project: 'up-c', version: '2.0' },
        { project: 'up-e' },
      );
      await index.add({ project: 'up-d', version: '2.0' }, { 'requires-python': '>=99' });
      const dry = await run('upgrade', '--dry-run', 'up-a', 'up-b', 'up-c', 'up-d');
      expect(dry.status, dry.stderr).toBe(0);
      expect(actions(dry)).toEqual(['up-e 1.0 build', 'up-a 2.0 build']);
      const kept = dry.events.filter(({ event }) => event === 'kept');
      expect(kept.map(({ project, because }) => `${String(project)} ${String(because)}`).toSorted()).toEqual([
        'up-b newest',
        'up-c held-back',
        'up-d held-back',
      ]);
      for (const { sentence } of kept) expectSentence(String(sentence));
      const ended = await run('upgrade', ...GUESTS, 'up-a', 'up-c', 'home-made', 'in-house');
      expect(outcomes(ended), ended.stderr).toEqual(['up-a 2.0 published', 'up-e 1.0 published']);
      const because = (name: string) =>
        ended.events.find((e) => e.event === 'kept' && e['project'] === name)?.['because'];
      expect([because('home-made'), because('in-house'), because('up-c')]).toEqual([
        'local',
        'other-index',
        'held-back',
      ]);
      const again = await run('upgrade', '--dry-run', 'up-a');
      expect([actions(again), again.status]).toEqual([[], 0]);
      expectError(await run('upgrade', '--dry-run', 'never-built'), 'unknown-package', 2);
    },
    SETUP_MS,
  );

  test('an old release that had to be chosen is a warning', async () => {
    await offer({ project: 'old-a' });
    await index.add({ project: 'old-a', version: '2.0' }, { 'requires-python': '>=99' });
    await offer({ project: 'old-b', metadata: needing('old-a') });
    const ended = await build('old-b');
    const warning = expect.stringMatching(/^old-a 1\.0 is an old release, because 2\.0 needs Python >=99/) as string;
    expect(ended.events.at(-1)).toMatchObject({ event: 'summary', warnings: [warning] });
    expect(ended.stderr).toMatch(/^warning: old-a 1\.0 is an old release/m);
  });
});

test('nothing stays in the temporary folder', async () => {
  await rm(join(demo.state.root, '..', 'brought'), { recursive: true, force: true });
  expect(await readdir(demo.temporary)).toEqual([]);
});
