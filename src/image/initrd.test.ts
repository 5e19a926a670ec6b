import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directory, file, writeCpio } from './cpio.ts';
import { installedPackages } from './derive.ts';
import { writeInitrd } from './initrd.ts';
import { moduleDependencies, readModules } from './modules.ts';
import { PLAIN_SUITE } from '../host/settings.ts';
import { mmdebstrapArguments, recipeDigest } from './recipe.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rennet-initrd-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const cpio = (args: string[], input: Buffer): string =>
  execFileSync('cpio', ['--quiet', ...args], { input, stdio: ['pipe', 'pipe', 'ignore'] }).toString();

describe('cpio', () => {
  test('cpio(1) reads back what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.stringMatching(/^[a-z]{1,9}$/), (content, name) => {
        const archive = writeCpio([directory('d'), file(`d/${name}`, content)]);
        expect(cpio(['-t'], archive).trim().split('\n')).toEqual(['d', `d/${name}`]);
        const read = execFileSync('cpio', ['--quiet', '-i', '--to-stdout', `d/${name}`], { input: archive });
        expect(read.equals(Buffer.from(content))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test('the initrd has init, a shell and the modules in their order', () => {
    const modules = ['virtio', 'ext4'].map((name) => ({ name, content: Buffer.from(name) }));
    const parts = { busybox: Buffer.from('busybox'), modules, init: Buffer.from('#!/bin/sh\n') };
    const archive = writeInitrd(parts);
    expect(cpio(['-t'], archive).split('\n')).toEqual(
      expect.arrayContaining(['init', 'bin/sh', 'dev/console', 'modules/virtio.ko', 'modules/ext4.ko']),
    );
    expect(cpio(['-i', '--to-stdout', 'modules/order'], archive)).toBe('virtio\next4\n');
    expect(writeInitrd(parts).equals(archive)).toBe(true);
  });
});

describe('kernel modules', () => {
  const module = (...depends: string[]): Buffer =>
    Buffer.from(`\x7fELF\0license=GPL\0depends=${depends.join(',')}\0name=x\0`);

  test('what a module needs comes before it, once', async () => {
    const files: [string, Buffer][] = [
      ['virtio_ring.ko', module()],
      ['virtio.ko', module('virtio_ring')],
      ['virtio_blk.ko', module('virtio_ring', 'virtio')],
      ['virtio-rng.ko', module('virtio')],
    ];
    const paths = files.map(([name, content]) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    });
    const found = await readModules(paths, ['kernel/fs/ext4/ext4.ko'], ['virtio_rng', 'ext4', 'virtio_blk']);
    expect(found.map((it) => it.name)).toEqual(['virtio_ring', 'virtio', 'virtio_rng', 'virtio_blk']);
  });

  test('a module that a guest can do without is taken where it is there', async () => {
    const path = join(folder, 'dummy.ko');
    writeFileSync(path, module());
    const names = async (paths: string[]) => (await readModules(paths, ['ext4.ko'], ['ext4'])).map(({ name }) => name);
    expect(await names([path])).toEqual(['dummy']);
    expect(await names([])).toEqual([]);
  });

  test('a module that is nowhere is named', async () => {
    await expect(readModules([], [], ['squashfs'])).rejects.toMatchObject({
      code: 'image-failed',
      message: expect.stringContaining('squashfs'),
    });
  });

  test('dependencies are read with underscores, and a module may have none', () => {
    expect(moduleDependencies(module('crc32c-intel', 'jbd2'))).toEqual(['crc32c_intel', 'jbd2']);
    expect(moduleDependencies(module())).toEqual([]);
    expect(moduleDependencies(Buffer.from('no modinfo'))).toEqual([]);
  });
});

describe('recipe', () => {
  const target = { suite: 'bookworm', architecture: 'amd64' } as const;

  test('the build image has a compiler and no package manager of Python; the runtime image has Python only', () => {
    const included = (kind: 'build' | 'runtime'): string[] =>
      mmdebstrapArguments(kind, target, PLAIN_SUITE, '/debs', []).filter((it) => it.startsWith('--include='));
    expect(included('build').join(' ')).toContain('gcc,g++,make,dpkg-dev');
    expect(included('build').join(' ')).not.toMatch(/pip|setuptools|venv|wheel/);
    expect(included('runtime')).toEqual(['--include=python3,ca-certificates']);
  });

  test.each([
    ['amd64', {}, 'linux-image-cloud-amd64', false],
    ['arm64', {}, 'linux-image-cloud-arm64', false],
    ['i386', {}, 'linux-image-cloud-amd64', true],
    ['i386', { amd64: 'linux-image-generic' }, 'linux-image-generic', true],
    ['arm64', { amd64: 'linux-image-generic' }, 'linux-image-cloud-arm64', false],
  ] as const)('an %s target with kernels %j has %s', (architecture, kernel, wanted, isForeign) => {
    const settings = { ...PLAIN_SUITE, kernel };
    const hooks = mmdebstrapArguments('build', { suite: 'bookworm', architecture }, settings, '/debs', []);
    const fetch = hooks.find((it) => it.includes('download "$kernel"')) ?? '';
    expect(fetch).toContain(` ${wanted} `);
    // The root's own apt and dpkg stay those of its one architecture.
    expect(fetch.includes('APT::Architectures=amd64')).toBe(isForeign);
    expect(hooks.filter((it) => it.startsWith('--architectures='))).toEqual([`--architectures=${architecture}`]);
    expect(hooks.join('\n')).not.toContain('add-architecture');
  });

  test.each([
    ['bookworm', 'amd64', {}, false],
    ['trixie', 'i386', {}, false],
    ['sid', 'amd64', {}, true],
    ['noble', 'amd64', { amd64: 'linux-image-virtual' }, true],
    ['bookworm', 'amd64', { amd64: 'linux-image-amd64' }, true],
  ] as const)('the kernel of %s/%s %j comes with its parts: %s', (suite, architecture, kernel, inParts) => {
    const hooks = mmdebstrapArguments('build', { suite, architecture }, { ...PLAIN_SUITE, kernel }, '/debs', []);
    expect(hooks.join(' ').includes('linux-[a-z-]*-[0-9]')).toBe(inParts);
  });

  test('a root for another processor is unpacked only, and its packages are kept for the guest that installs them', () => {
    const architecture = process.arch === 'arm64' ? 'amd64' : 'arm64';
    const args = mmdebstrapArguments('runtime', { suite: 'bookworm', architecture }, PLAIN_SUITE, '/debs', []);
    expect(args[0]).toBe('--variant=extract');
    expect(args).toContain('--extract-hook=copy-out /var/cache/apt/archives /debs/runtime');
    expect(args.filter((it) => it.startsWith('--customize-hook'))).toEqual([]);
  });

  test('its digest follows the target and the kernel', () => {
    expect(recipeDigest(target, PLAIN_SUITE)).toBe(recipeDigest({ ...target }, PLAIN_SUITE));
    expect(recipeDigest({ ...target, suite: 'trixie' }, PLAIN_SUITE)).not.toBe(recipeDigest(target, PLAIN_SUITE));
    const own = { ...PLAIN_SUITE, kernel: { amd64: 'linux-image-virtual' } };
    expect(recipeDigest(target, own)).not.toBe(recipeDigest(target, PLAIN_SUITE));
  });

  test('only installed packages count', () => {
    const stanza = (name: string, status: string): string =>
      `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: 1.0-1\nDescription: x\n y\n`;
    const status = [stanza('a', 'install ok installed'), stanza('b', 'deinstall ok config-files')].join('\n');
    expect(installedPackages(status)).toEqual([{ package: 'a', version: '1.0-1', architecture: 'amd64' }]);
  });
});
