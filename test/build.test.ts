import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TIMED_STAGES } from '../src/model/outcome.ts';
import { type Chroot, openChroot } from './support/chroot.ts';
import { type CliRun, cli, only } from './support/cli.ts';
import { machineState } from './support/images.ts';

/* The tour of the README, from the index to an installed package: real guests, the real index, real apt. */

const SETUP_MS = 900_000;
const TOUR = ['ftfy', 'chevron', 'mmh3', 'six'];
const PUBLISHED = ['python3-chevron', 'python3-ftfy', 'python3-mmh3'];

let built: CliRun;
beforeAll(async () => {
  built = await cli(['build', ...TOUR, '--rebuild']);
}, SETUP_MS);

const attemptOf = (project: string) => {
  const found = built.all('attempt').find((attempt) => attempt.project === project);
  if (found === undefined) throw new Error(`no attempt of ${project}:\n${built.stderr}`);
  return found;
};
/** By name; of several builds of one name the newest, which stands first. */
const published = async () => {
  const rows = (await cli(['list'])).all('package');
  return new Map(rows.toReversed().map((row) => [row.package, row]));
};
const sha256Of = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

describe('rennet build', () => {
  test('plans all, then ends one attempt for each project', () => {
    expect(built.status, built.stderr).toBe(0);
    expect(built.names.filter((name) => name === 'plan')).toHaveLength(TOUR.length);
    expect(built.names.at(-1)).toBe('summary');
    expect(built.all('plan').map(({ items }) => items.map(({ project, action }) => [project, action]))).toEqual([
      [
        ['wcwidth', 'official'],
        ['ftfy', 'build'],
      ],
      [['chevron', 'build']],
      [['mmh3', 'build']],
      [['six', 'official']],
    ]);
    expect(
      built
        .all('attempt')
        .map(({ project, outcome }) => `${project} ${outcome}`)
        .toSorted(),
    ).toEqual(['chevron published', 'ftfy published', 'mmh3 published', 'six skipped-official']);
    expect(only(built, 'summary')).toMatchObject({ published: 3, skipped: 1, failed: 0 });
    expect(new Set(built.all('attempt').map(({ attempt }) => attempt)).size).toBe(TOUR.length);
  });

  test.each(['ftfy', 'chevron', 'mmh3'])('%s: package, file, machine and every stage are told', async (project) => {
    const attempt = attemptOf(project);
    expect(attempt).toMatchObject({ package: `python3-${project}`, driver: 'qemu', reset: 'memory' });
    expect(attempt.isolation).toMatch(/^(hardware|emulated)$/);
    const guests = attempt.guests ?? [];
    expect([...new Set(guests.map(({ title }) => title))]).toEqual(['build', 'check']);
    for (const { reset, timingsMs } of guests) {
      expect(reset).toBe('memory');
      expect(Math.min(timingsMs.reset, timingsMs.run)).toBeGreaterThan(0);
    }
    expect(attempt.packageVersion).toMatch(/^\d[\d.]*-0~pypi\d+~\w+$/);
    expect(Object.keys(attempt.timingsMs).toSorted()).toEqual(
      [...TIMED_STAGES.filter((stage) => stage !== 'tests'), 'total'].toSorted(),
    );
    expect(attempt.sentence).toContain(`published as python3-${project} ${attempt.packageVersion}`);
    const file = attempt.file ?? '';
    expect(dirname(dirname(file))).toMatch(new RegExp(`^${machineState.archive}/pool/`));
    const row = (await published()).get(`python3-${project}`);
    expect(row).toMatchObject({ version: attempt.packageVersion, sha256: await sha256Of(file) });
    const { stdout } = await execa('dpkg-deb', ['--field', file, 'Package', 'Version', 'Architecture', 'Provides']);
    const architecture = project === 'mmh3' ? attempt.target.split('/')[1] : 'all';
    expect(stdout).toBe(
      `Package: python3-${project}\nVersion: ${attempt.packageVersion}\nArchitecture: ${architecture}\n` +
        `Provides: pypi-dist-${project} (= ${attempt.packageVersion})`,
    );
  });

  test('the plan of ftfy names the official package that meets its requirement', () => {
    expect(built.all('plan')[0]?.items.at(-1)?.sentence).toMatch(/wcwidth is met by python3-wcwidth \S+ of \w+\.$/);
  });

  test('what the suite has too old comes from the index for building only, pinned by hash', async () => {
    const { provenance } = only(await cli(['why', 'mmh3']), 'attempt');
    expect(provenance?.['buildRequirements']).toContainEqual(
      expect.objectContaining({
        by: 'index',
        name: 'setuptools',
        filename: expect.stringMatching(/^setuptools-.*\.whl$/) as string,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      }),
    );
    const { stdout } = await execa('dpkg-deb', ['--field', attemptOf('mmh3').file ?? '', 'Depends']);
    expect(stdout).toMatch(/\blibc6 \(>= /);
    expect(stdout).not.toContain('setuptools');
  });

  test('six: says which package provides it, and starts no machine', () => {
    const six = attemptOf('six');
    expect(six.sentence).toMatch(/provides six as python3-six \d\S*; install that\.$/);
    expect(six.package).toBe('python3-six');
    expect(six).not.toHaveProperty('file');
    expect(six).not.toHaveProperty('driver');
    expect(Object.keys(six.timingsMs).toSorted()).toEqual(['plan', 'total']);
  });

  test('lintian has no error for any of them', async () => {
    const files = ['ftfy', 'chevron', 'mmh3'].map((project) => attemptOf(project).file ?? '');
    const args = ['--no-cfg', '--allow-root', '--tag-display-limit', '0', '--fail-on', 'error', ...files];
    const { stdout, stderr, exitCode } = await execa('lintian', args, { reject: false });
    expect(stdout.split('\n').filter((line) => line.startsWith('E:'))).toEqual([]);
    expect(exitCode, stderr).toBe(0);
  });
});

describe('commands about what was built', () => {
  test('list', async () => {
    expect([...(await published()).keys()]).toEqual(expect.arrayContaining(PUBLISHED));
    expect((await cli(['list'], { plain: true })).stdout).toMatch(/^python3-mmh3 +\d\S+ +\w+ +\w+ +mmh3 +sdist$/m);
  });

  test('plan: what is published is built, and nothing is built anew', async () => {
    const planned = await cli(['plan', ...TOUR]);
    expect(planned.status, planned.stderr).toBe(0);
    expect(planned.names).toEqual(TOUR.map(() => 'plan'));
    expect(planned.all('plan').map(({ items }) => items.map(({ project, action }) => [project, action]))).toEqual([
      [
        ['wcwidth', 'official'],
        ['ftfy', 'built'],
      ],
      [['chevron', 'built']],
      [['mmh3', 'built']],
      [['six', 'official']],
    ]);
    const { attempt } = only(await cli(['why', 'ftfy']), 'attempt');
    const again = await cli(['build', 'ftfy']);
    expect(again.status).toBe(0);
    expect(only(again, 'attempt').sentence).toMatch(/is published already as python3-ftfy /);
    expect(only(again, 'attempt').attempt).not.toBe(attempt);
    expect(only(again, 'summary').sources).toBe(only(built, 'summary').sources);
  });

  test('why: the sentence, the machine, then the ledger', async () => {
    const { attempt, sentence, isolation } = attemptOf('chevron');
    const why = await cli(['why', 'chevron'], { plain: true });
    expect(why.status).toBe(0);
    const [first, second] = why.stdout.split('\n');
    expect(first).toBe(`published: ${sentence}`);
    expect(second).toContain(`attempt ${attempt}, `);
    expect(second).toContain(`driver qemu, reset memory, isolation ${isolation}`);
    expect(why.stdout).toMatch(
      /^translated \(.*entry point.*\)\n(?: .*\n)*  entry-point +chevron\b.* +\/usr\/bin\/chevron$/m,
    );
  });

  test('log: both guests', async () => {
    const { attempt } = attemptOf('mmh3');
    const lines = (await cli(['log', attempt])).all('log').map(({ line }) => line);
    // A second check where the first one's version stood there with other bytes already.
    expect(lines.filter((line) => line.startsWith('── ')).slice(0, 2)).toEqual(['── build ──', '── check ──']);
    expect(lines.join('\n')).toContain('mmh3module.c');
    const plain = await cli(['log', attempt], { plain: true });
    expect(plain.stdout).toContain('── check ──');
    expect(plain.stdout).not.toMatch(/[^\P{Cc}\n\t]/u);
  });
});

describe('apt in a clean system of the suite, with the lines as they were printed', () => {
  const MODULES = '/usr/lib/python3/dist-packages';
  let system: Chroot;
  let before = '';
  beforeAll(async () => {
    system = await openChroot(machineState.archive);
    before = await system.run(`find ${MODULES} | sort`);
    await system.write('/etc/apt/sources.list.d/rennet.sources', only(built, 'summary').sources);
    // As apt's own user, whom nothing of this host lets into a closed folder.
    expect(await system.run('apt-config dump APT::Sandbox::User')).toBe('APT::Sandbox::User "_apt";');
    expect(await system.run('apt-get update')).not.toMatch(/^(?:[WEN]: |Err)/m);
    await system.run(`DEBIAN_FRONTEND=noninteractive apt-get install -y ${PUBLISHED.join(' ')}`);
  }, SETUP_MS);
  afterAll(() => system.close());

  test('the packages are installed, and what they depend on', async () => {
    const listed = await system.run("dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' 'python3-*'");
    for (const project of ['ftfy', 'chevron', 'mmh3'])
      expect(listed).toContain(`python3-${project} ${attemptOf(project).packageVersion} ii `);
    expect(listed).toMatch(/^python3-wcwidth \S+ ii $/m);
    expect(await system.run('dpkg --audit; apt-get check --quiet=2')).toBe('');
  });

  test('the commands run', async () => {
    expect(await system.run('ftfy --help')).toMatch(/^usage: ftfy /);
    expect(await system.run("printf 'schÃ¶n' | ftfy")).toBe('schön');
    await system.write('/tmp/page', 'Hello {{name}}!');
    await system.write('/tmp/data', '{"name": "curd"}');
    expect(await system.run('chevron -d /tmp/data /tmp/page')).toBe('Hello curd!');
  });

  test('the extension works, and every distribution is found', async () => {
    // The value is Austin Appleby's own MurmurHash3_x86_32 of "foo" with seed 0.
    expect(await system.run(`python3 -c 'import mmh3; print(mmh3.hash("foo"))'`)).toBe('-156908512');
    const ask = 'from importlib.metadata import version as v; print(v("ftfy"), v("chevron"), v("mmh3"))';
    const versions = ['ftfy', 'chevron', 'mmh3'].map((project) => attemptOf(project).version);
    expect(await system.run(`python3 -c '${ask}'`)).toBe(versions.join(' '));
  });

  test('byte code exists after the installation, and nothing is left after the removal', async () => {
    const compiled = await system.run(`find ${MODULES}/ftfy ${MODULES}/chevron -name '*.pyc'`);
    for (const name of ['ftfy', 'chevron'])
      expect(compiled).toMatch(new RegExp(`^${MODULES}/${name}/__pycache__/__init__\\.cpython-\\d+\\.pyc$`, 'm'));
    await system.run(`apt-get remove -y ${PUBLISHED.join(' ')}`);
    await system.run('apt-get autoremove -y --purge');
    expect(await system.run(`find ${MODULES} | sort`)).toBe(before);
    expect(await system.run('ls /usr/bin | grep -cE "^(ftfy|chevron)$" || true')).toBe('0');
  });
});

describe('what is taken out comes back with the same bytes', () => {
  test('remove, then build again', async () => {
    const was = (await published()).get('python3-chevron');
    const removed = await cli(['remove', 'python3-chevron']);
    expect(removed.status, removed.stderr).toBe(0);
    expect(removed.all('removed')).toMatchObject([{ package: 'python3-chevron', suite: was?.suite }]);
    expect([...(await published()).keys()]).not.toContain('python3-chevron');
    expect(await indexed()).not.toContain('python3-chevron');
    expect((await cli(['remove', 'python3-chevron'])).status).toBe(2);

    const again = await cli(['build', 'chevron']);
    expect(again.status, again.stderr).toBe(0);
    expect(only(again, 'attempt')).toMatchObject({ outcome: 'published', packageVersion: was?.version });
    expect((await published()).get('python3-chevron')).toMatchObject({ version: was?.version, sha256: was?.sha256 });
    expect(await indexed()).toContain('python3-chevron');
  });
});

describe('a private build of what the suite provides', () => {
  test('is kept under its attempt and never published', async () => {
    const run = await cli(['build', 'six', '--force-official']);
    expect(run.status, run.stderr).toBe(0);
    const attempt = only(run, 'attempt');
    expect(attempt).toMatchObject({ outcome: 'kept', driver: 'qemu', package: 'python3-six' });
    expect(only(run, 'summary')).toMatchObject({ published: 0, failed: 0, sources: '' });
    const file = attempt.file ?? '';
    expect(dirname(file)).toBe(join(machineState.attempts, attempt.attempt));
    expect(attempt.sentence).toContain(file);
    const { stdout } = await execa('dpkg-deb', ['--contents', file]);
    expect(stdout).toContain('./usr/lib/python3/dist-packages/six.py');
    expect(await indexed()).not.toContain('python3-six');
    expect([...(await published()).keys()]).not.toContain('python3-six');
    expect((await readdir(machineState.archive, { recursive: true })).filter((name) => name.includes('six'))).toEqual(
      [],
    );
  });
});

/** The names in the published indexes themselves. */
async function indexed(): Promise<string[]> {
  const names = await readdir(join(machineState.archive, 'dists'), { recursive: true });
  const indexes = names.filter((name) => name.endsWith('/Packages'));
  const texts = await Promise.all(indexes.map((name) => readFile(join(machineState.archive, 'dists', name), 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(/^Package: (.*)$/gm)].map(([, name = '']) => name));
}
