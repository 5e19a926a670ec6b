import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Contract } from './machine-contract.ts';
import { writeJob, writeTree } from './sdist.ts';

const SITE = '/usr/lib/python3/dist-packages';
const METADATA = 'Metadata-Version: 2.1\nName: hello-pkg\nVersion: 1.0\n';

interface TestDeb {
  readonly depends?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly modules?: readonly string[];
  readonly requirements?: readonly string[];
}

async function writeCheckInput(input: string, deb: TestDeb): Promise<void> {
  const tree = join(input, '../deb');
  await writeTree(tree, {
    '/DEBIAN/control': `Package: python3-hello-pkg\nVersion: 1.0-0~pypi1\nArchitecture: all\nMaintainer: Test <test@example.org>\nDepends: ${deb.depends ?? 'python3:any'}\nDescription: test\n`,
    [`${SITE}/hello_pkg.py`]: 'X = 1\n',
    [`${SITE}/hello_pkg-1.0.dist-info/METADATA`]: METADATA,
    ...deb.files,
  });
  await writeTree(tree, deb.scripts ?? {}, 0o755);
  await mkdir(join(input, 'debs'), { recursive: true });
  await promisify(execFile)('dpkg-deb', ['--root-owner-group', '--build', tree, join(input, 'debs/hello.deb')]);
  await writeJob(input, {
    kind: 'check',
    layers: [],
    debs: ['debs/hello.deb'],
    package: 'python3-hello-pkg',
    distribution: 'hello-pkg',
    version: '1.0',
    modules: deb.modules ?? ['hello_pkg'],
    scripts: Object.keys(deb.scripts ?? {}),
    requirements: deb.requirements ?? [],
  });
}

/** What a guest that runs code shows of the check. */
export function describeCheckJob({ run }: Contract): void {
  const check = (deb: TestDeb) => run('succeeds', { check: (input) => writeCheckInput(input, deb) });

  test('a package that works: installed, imported, found, started', async () => {
    const script = '#!/usr/bin/python3\nimport hello_pkg, sys\nprint(hello_pkg.X, sys.argv)\n';
    const report = await check({ scripts: { '/usr/bin/hello': script } });
    expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({
      status: 'ok',
      files: 0,
      facts: {
        installed: true,
        installMessage: '',
        imports: [{ module: 'hello_pkg', ok: true, message: '' }],
        metadata: { found: true, version: '1.0', unmet: [] },
        scripts: [{ path: '/usr/bin/hello', ok: true, exit: 0, message: '' }],
      },
    });
    const facts = report.result?.facts as { files: number } | undefined;
    expect(facts?.files).toBeGreaterThan(8);
  });

  test('a dependency that is not there keeps it from being installed', async () => {
    const report = await check({ depends: 'python3:any, python3-wcwidth (>= 0.2)' });
    expect(report.result).toMatchObject({
      status: 'ok',
      facts: { installed: false, installMessage: expect.stringMatching(/depends on python3-wcwidth/) },
    });
  });

  test('broken imports, scripts and metadata are named', async () => {
    const report = await check({
      files: {
        [`${SITE}/broken_pkg.py`]: 'import not_there\n',
        [`${SITE}/lazy_pkg.py`]: 'import logging\nlogging.handlers\n',
      },
      modules: ['hello_pkg', 'broken_pkg', 'lazy_pkg'],
      requirements: ['wcwidth', 'hello-pkg'],
      scripts: {
        '/usr/bin/imports': '#!/usr/bin/python3\nimport not_there\n',
        '/usr/bin/interpreter': '#!/usr/bin/no-such-python\n',
        '/usr/bin/grumbles': '#!/usr/bin/python3\nimport sys\nsys.exit("usage: grumbles FILE")\n',
        '/usr/bin/opens': '#!/usr/bin/python3\nopen("/no/such/file")\n',
      },
    });
    expect(report.result?.facts).toMatchObject({
      imports: [
        { module: 'hello_pkg', ok: true },
        { module: 'broken_pkg', ok: false, message: "ModuleNotFoundError: No module named 'not_there'" },
        { module: 'lazy_pkg', ok: false, message: expect.stringMatching(/^AttributeError/) },
      ],
      metadata: { found: true, version: '1.0', unmet: ['wcwidth'] },
      scripts: [
        { path: '/usr/bin/imports', ok: false, message: "ModuleNotFoundError: No module named 'not_there'" },
        { path: '/usr/bin/interpreter', ok: false, exit: 127, message: expect.stringMatching(/No such file/) },
        { path: '/usr/bin/grumbles', ok: true, exit: 1 },
        { path: '/usr/bin/opens', ok: true, exit: 1 },
      ],
    });
  });
}
