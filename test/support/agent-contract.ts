import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { GuestReport } from '../../src/model/machine.ts';
import { backend } from './machine-scenarios.ts';
import type { Contract } from './machine-contract.ts';
import type { TestBuild } from './sdist.ts';

const SITE = '/usr/lib/python3/dist-packages';
const layer = (name: string, version: string): Record<string, string> => ({
  [`${SITE}/${name}.py`]: `VERSION = '${version}'\n`,
  [`${SITE}/${name}-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
});

/** What a guest that runs code shows of the agent: what a build sees, and what it does not. */
export function describeGuestAgent({ run }: Contract): void {
  const build = (body: string, more = '', rest: Partial<TestBuild> = {}): Promise<GuestReport> =>
    run('succeeds', { build: { ...rest, backend: backend(`${body}\nreturn wheel(wheel_directory)`, more) } });

  test('an undeclared build requirement is detected', async () => {
    const report = await build('import setuptools');
    expect(report.result).toMatchObject({
      status: 'failed',
      facts: { step: 'build_wheel', message: "ModuleNotFoundError: No module named 'setuptools'" },
    });
    expect(await readFile(report.log, 'utf8')).toContain("ModuleNotFoundError: No module named 'setuptools'");
  });

  test('no common tool and no part of the agent can be imported undeclared', async () => {
    const report = await build(`
import importlib
found = []
for name in 'setuptools pkg_resources pip wheel packaging numpy yaml agent build_job hooks process roots'.split():
    try:
        importlib.import_module(name)
        found.append(name)
    except ModuleNotFoundError as error:
        assert error.name == name, error
assert found == [], found`);
    expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({ status: 'ok' });
  });

  test('a back end that nobody declared is detected', async () => {
    const report = await run('succeeds', { build: { backend: 'import setuptools' } });
    expect(report.result).toMatchObject({ status: 'failed', facts: { step: 'get_requires' } });
  });

  test('a declared layer is seen, by imports, by programs and by new interpreters', async () => {
    const layers = { '00-declared': layer('declared', '1.5'), '10-newer': layer('declared', '1.6') };
    const report = await build(
      `
import declared, subprocess
from importlib import metadata
assert declared.VERSION == '1.6', declared.VERSION
assert metadata.version('declared') in ('1.5', '1.6')
subprocess.run([sys.executable, '-c', 'import declared'], check=True)`,
      '',
      { layers },
    );
    expect(report.result).toMatchObject({ status: 'ok' });
  });

  test.each([
    ['extra-dep', 'ok', ['extra-dep']],
    ['Extra_Dep >= 2.0, <3', 'ok', ['Extra_Dep >= 2.0, <3']],
    ['extra-dep >= 3', 'needs', undefined],
    ['declared', 'ok', []],
    ['declared >= 1.4.0', 'ok', []],
    ['declared >= 2', 'needs', undefined],
  ])('a hook that asks for %s ends as %s', async (asked, status, hookRequirements) => {
    const report = await build(
      hookRequirements?.length ? 'import extra_dep' : 'pass',
      `def get_requires_for_build_wheel(config_settings=None):\n    return ['${asked}']`,
      {
        layers: { '00-declared': layer('declared', '1.5'), '90-extra': layer('extra_dep', '2.1') },
        offered: [{ project: 'extra-dep', version: '2.1', layer: '90-extra' }],
      },
    );
    expect(report.result).toMatchObject({ status, facts: hookRequirements ? { hookRequirements } : {} });
  });

  test('an offered layer is not seen by a build that did not ask for it', async () => {
    const report = await build('import extra_dep', '', {
      layers: { '90-extra': layer('extra_dep', '2.1') },
      offered: [{ project: 'extra-dep', version: '2.1', layer: '90-extra' }],
    });
    expect(report.result).toMatchObject({ status: 'failed' });
  });

  test('a build is nobody: no capabilities, no new privileges, no network, no devices, no channel', async () => {
    const report = await build(`
import socket, stat
assert os.getuid() != 0 and os.getgid() != 0 and os.getgroups() == [], (os.getuid(), os.getgroups())
status = dict(line.split(':', 1) for line in open('/proc/self/status') if ':' in line)
for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
    assert int(status[name], 16) == 0, (name, status[name])
assert status['NoNewPrivs'].strip() == '1'
assert {name for _, name in socket.if_nameindex()} <= {'lo', 'dummy0'}, socket.if_nameindex()
assert os.listdir('/build/home') == [] and os.environ['HOME'] == '/build/home'
assert os.environ['RENNET_TEST'] == 'given' and 'RENNET_SECRET' not in os.environ
assert sorted(os.listdir('/proc/self/fd')) <= ['0', '1', '2', '3', '4'], os.listdir('/proc/self/fd')
assert not any(stat.S_ISBLK(os.stat('/dev/' + name).st_mode) for name in os.listdir('/dev') if os.path.exists('/dev/' + name))
assert os.umask(0o022) == 0o022
for path in ('/usr/new', '/etc/new', '/rennet/in/new'):
    try:
        open(path, 'w')
        raise AssertionError(path)
    except OSError:
        pass
open('/tmp/new', 'w').close()
open('/dev/stdout', 'w').write('again\\n')`);
    expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({ status: 'ok' });
  });

  test('each hook has an interpreter of its own', async () => {
    const report = await build(
      "assert not hasattr(sys, 'left_by_first_hook')",
      'def get_requires_for_build_wheel(config_settings=None):\n    sys.left_by_first_hook = True\n    return []',
    );
    expect(report.result).toMatchObject({ status: 'ok' });
  });

  test('what a hook prints comes in its order, with buffers and programs between', async () => {
    const report = await build(
      "print('one')\nos.system('echo two')\nsys.stderr.write('three\\n')\nimport atexit\natexit.register(print, 'four')",
    );
    expect(await readFile(report.log, 'utf8')).toContain('one\ntwo\nthree\nfour\n');
  });

  test('a hook that ends the interpreter has failed', async () => {
    const report = await build('sys.exit(0)');
    expect(report.result).toMatchObject({ status: 'failed', facts: { step: 'build_wheel', exit: 1 } });
  });

  test.each([
    ['a name that leads out', "return '../demo.whl'"],
    ['no name', 'return None'],
    ['a wheel that is not there', 'return NAME'],
    ['a link in place of the wheel', "os.symlink('/etc/passwd', os.path.join(wheel_directory, NAME))\nreturn NAME"],
    ['a pipe in place of the wheel', 'os.mkfifo(os.path.join(wheel_directory, NAME))\nreturn NAME'],
  ])('%s is not collected', async (_, body) => {
    const report = await run('succeeds', { build: { backend: backend(body) } });
    expect(report.result).toMatchObject({ status: 'failed', files: 0, facts: { step: 'collect' } });
  });

  test('an sdist with a member that leads out is not unpacked', async () => {
    const report = await build('pass', '', { files: { '../../evil.py': 'x = 1' } });
    expect(report.result).toMatchObject({ status: 'failed', facts: { step: 'unpack', exit: 1 } });
  });

  test('an extension gives the libraries that it links to', async () => {
    const report = await run('succeeds', {
      build: {
        files: { 'ext.c': '#include <math.h>\ndouble f(double x) { return pow(x, x); }\n' },
        backend: backend(`
import subprocess
subprocess.run(['gcc', '-shared', '-fPIC', '-o', 'ext.so', 'ext.c', '-lm'], check=True)
return wheel(wheel_directory, open('ext.so', 'rb').read())`),
      },
    });
    const facts = report.result?.facts as { sharedLibraries?: string[] };
    expect(facts.sharedLibraries).toEqual([expect.stringMatching(/^libc6 \(>= 2\.\d+\)$/)]);
  });
}
