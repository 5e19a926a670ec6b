import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { hostTarget } from '../src/debian/apt-host.ts';
import { type AptRoot, openAptRoot } from '../src/debian/apt.ts';
import { openArchiveIndex } from '../src/debian/archive-index.ts';
import { sha256OfFile } from '../src/host/files.ts';
import { createNamespaceDriver } from '../src/machine/namespace/namespace-driver.ts';
import type { Channel, GuestReport } from '../src/model/machine.ts';
import { layOutApt } from '../src/stage/apt-input.ts';
import { cli, only } from './support/cli.ts';
import { machineState, testImages, testLists } from './support/images.ts';
import { writeMirrorDisk } from './support/mirror-disk.ts';
import { backend } from './support/machine-scenarios.ts';
import { writeBuildInput } from './support/sdist.ts';

/* Both channels and all kinds of prerequisites: real builds in QEMU, and what apt in a guest does not take. */

const PROJECT = 'chevron';

test('a project is the same package by either channel, with layers and with apt-get in the guest', async () => {
  const digests = new Set<string>();
  const place = await mkdtemp(join(tmpdir(), 'rennet-service-'));
  onTestFinished(() => rm(place, { recursive: true }));
  const disk = await writeMirrorDisk(place, ['python3-setuptools', 'python3-wheel']);
  const suite = (await hostTarget(new AbortController().signal)).suite;
  await writeFile(machineState.settingsFile, `[suite.${suite}]\nmirror-disk = ${JSON.stringify(disk)}\n`);
  onTestFinished(() => rm(machineState.settingsFile, { force: true }));
  for (const [channel, prerequisites] of [
    ['folder', 'layers'],
    ['service', 'layers'],
    ['folder', 'apt'],
    ['service', 'apt'],
    ['folder', 'mirror'],
  ] as const) {
    const ways = ['--channel', channel, '--prerequisites', prerequisites];
    const run = await cli(['build', PROJECT, '--rebuild', ...ways]);
    const attempt = only(run, 'attempt');
    expect(attempt, run.stderr).toMatchObject({ outcome: 'published', driver: 'qemu', channel, prerequisites });
    digests.add(`${attempt.packageVersion} ${await sha256OfFile(attempt.file ?? '')}`);
    const log = (await cli(['log', attempt.attempt])).all('log').map(({ line }) => line);
    // Maintainer scripts run where apt installs; layers have none.
    expect(log.some((line) => line.startsWith('Setting up python3-setuptools'))).toBe(prerequisites !== 'layers');
  }
  expect(digests.size).toBe(1);
  await rm(machineState.settingsFile);
  const without = await cli(['build', PROJECT, '--rebuild', '--prerequisites', 'mirror']);
  expect(without.stderr).toMatch(/config\.toml names no mirror-disk for/);
  expect(without.status).toBe(2);
}, 1_800_000);

describe('apt-get in a guest', () => {
  const { signal } = new AbortController();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rennet-service-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function openRoot(): Promise<AptRoot> {
    await testLists();
    return openAptRoot(await hostTarget(signal), machineState, signal);
  }

  /** Lays out a build that needs `python3-six`, lets `change` lay hands on its input, and runs it. */
  async function run(channel: Channel, change: (input: string) => Promise<void>): Promise<GuestReport> {
    const [input, spool] = [join(folder, 'in'), join(folder, 'spool')];
    await mkdir(spool);
    const body = `
import importlib.util, six, subprocess
assert six.__file__ == '/usr/lib/python3/dist-packages/six.py'
assert not os.path.exists('/usr/bin/apt-get') and not os.path.exists('/rennet/apt')
assert 'ii ' in subprocess.run(['dpkg', '--list', 'python3-six'], capture_output=True, text=True).stdout
return wheel(wheel_directory)`;
    await writeBuildInput(input, { backend: backend(body) });
    const apt = await openRoot();
    const images = await testImages(['folder']);
    const archive = await openArchiveIndex(apt, signal);
    const ports = { apt, archive, images, cacheFolder: machineState.cache, progress: () => {} };
    const closure = await apt.closure(['python3-six'], images.build.dpkgStatus, signal);
    const order = await layOutApt(closure, 'apt', input, ports, { ms: 0 }, signal);
    const job = JSON.parse(await readFile(join(input, 'job.json'), 'utf8')) as object;
    await writeFile(join(input, 'job.json'), JSON.stringify({ ...job, apt: order }));
    await change(input);
    const limits = {
      wallMs: 120_000,
      idleMs: 60_000,
      memoryMiB: 1024,
      cpus: 1,
      outputBytes: 1e6,
      logBytes: 1e6,
      outputFiles: 1,
      processes: 200,
    };
    const guest = { id: 'apt', image: images.build, reset: 'overlay', input, spool, limits, channel } as const;
    return createNamespaceDriver().run(guest, signal);
  }

  /** Files of the mirror are links to those of the state folder: a copy takes their place before it is changed. */
  async function changed(path: string, change: (copy: string) => Promise<void>): Promise<void> {
    await copyFile(path, `${path}.copy`);
    await rm(path);
    await copyFile(`${path}.copy`, path);
    await rm(`${path}.copy`);
    await change(path);
  }
  const dists = async (input: string): Promise<string> =>
    join(input, 'mirror/0/dists', (await hostTarget(signal)).suite);

  test.each<Channel>(['folder', 'service'])('installs what was ordered before the build, by %s', async (channel) => {
    const report = await run(channel, async () => {});
    expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({ status: 'ok' });
  });

  test.each<[string, RegExp, (input: string) => Promise<void>]>([
    [
      'an index that is not the signed one',
      /Hash Sum mismatch|unexpected size/,
      async (input) => {
        const { architecture } = await hostTarget(signal);
        const packages = join(await dists(input), `main/binary-${architecture}/Packages`);
        await changed(packages, (copy) => appendFile(copy, '\nPackage: evil\nVersion: 1\nArchitecture: all\n'));
      },
    ],
    [
      'a Release file that was changed after it was signed',
      /not signed|invalid|BADSIG|GPG error/i,
      async (input) =>
        changed(join(await dists(input), 'InRelease'), async (copy) => {
          const text = await readFile(copy, 'utf8');
          await writeFile(copy, text.replace(/^Origin: .*$/m, 'Origin: Another'));
        }),
    ],
    [
      'keys that did not sign it',
      /NO_PUBKEY|not signed|GPG error/i,
      async (input) => {
        const sources = join(input, 'apt/official.sources');
        const text = await readFile(sources, 'utf8');
        await writeFile(
          sources,
          text.replace(/^Signed-By: .*(?:\n .*)*$/gm, 'Signed-By: /rennet/in/apt/keys/none.gpg'),
        );
        await writeFile(join(input, 'apt/keys/none.gpg'), '');
      },
    ],
    [
      'a version that the mirror does not have',
      /Version '0' for 'python3-six' was not found/,
      async (input) => {
        const path = join(input, 'job.json');
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace(/python3-six=[^"]*/, 'python3-six=0'));
      },
    ],
  ])('does not take %s', async (_, message, change) => {
    const report = await run('folder', change);
    const { facts } = report.result ?? {};
    expect(facts, await readFile(report.log, 'utf8')).toMatchObject({ step: 'prerequisites' });
    expect(await readFile(report.log, 'utf8')).toMatch(message);
  });
});
