import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAptRoot } from '../src/debian/apt.ts';
import { RennetError } from '../src/model/errors.ts';
import type { Target } from '../src/model/target.ts';
import { rennet } from './support/command.ts';
import { type DemoState, freshState } from './support/demo-state.ts';
import { type ResignedMirror, resignedMirror } from './support/resigned-mirror.ts';

/*
 * One real build for another suite, and one for another architecture: images from the mirror, guests in QEMU, a C extension.
 *
 * Where the mirror's index files do not fit its own signed index, Rennet refuses the suite, as it should. That is no fault of what is
 * tested here, so on such a day the same files come from loopback, under an index that the test signs, by config.toml.
 */

const signal = new AbortController().signal;
let demo: DemoState;
let mirror: ResignedMirror | undefined;
beforeEach(async () => {
  demo = await freshState('empty');
});
afterEach(async () => {
  await mirror?.close();
  mirror = undefined;
  await demo.close();
});

test.each([
  {
    target: { suite: 'trixie', architecture: 'amd64' } as const,
    tag: 'deb13',
    extension: /\.cpython-313-x86_64-linux-gnu\.so$/,
    machine: 'Advanced Micro Devices X86-64',
  },
  {
    target: { suite: 'bookworm', architecture: 'i386' } as const,
    tag: 'deb12',
    extension: /\.cpython-311-i386-linux-gnu\.so$/,
    machine: 'Intel 80386',
  },
])(
  '$target.suite/$target.architecture: a C extension is built, checked and published',
  async (expected) => {
    const { target, tag, extension, machine } = expected;
    await reach(target);
    const name = `${target.suite}/${target.architecture}`;
    const hostPip = Object.fromEntries(Object.entries(process.env).filter(([key]) => key.startsWith('PIP_')));
    const env = { PIP_CONFIG_FILE: undefined, ...hostPip };
    const built = await rennet(['build', 'mmh3', '--target', name, ...demo.args], { env });
    expect(built.status, built.stderr).toBe(0);
    const attempt = built.events.find(({ event }) => event === 'attempt');
    expect(attempt).toMatchObject({ outcome: 'published', target: name, driver: 'qemu', reset: 'memory' });
    const file = String(attempt?.['file']);
    const { stdout: fields } = await execa('dpkg-deb', ['--field', file, 'Architecture', 'Version', 'Depends']);
    expect(fields).toContain(`Architecture: ${target.architecture}\n`);
    expect(fields).toMatch(new RegExp(`^Version: .*~${tag}$`, 'm'));
    expect(fields).toMatch(/^Depends: .*libc6 \(>= /m);
    const unpacked = join(demo.temporary, 'unpacked');
    await execa('dpkg-deb', ['--extract', file, unpacked]);
    const { stdout: files } = await execa('find', [unpacked, '-name', '*.so']);
    expect(files).toMatch(extension);
    const { stdout: elf } = await execa('readelf', ['--file-header', files.split('\n')[0] ?? '']);
    expect(elf).toContain(machine);
    await execa('rm', ['-r', unpacked]);
    if (target.architecture === 'i386') await isPure(target);
  },
  1_800_000,
);

/** No trace of the kernel's architecture in an i386 root: dpkg knows one architecture, and no package of another is there. */
async function isPure(target: Target): Promise<void> {
  const { stdout: bases } = await execa('find', [join(demo.state.images, 'bases'), '-name', '*.tar']);
  expect(bases.split('\n')).toHaveLength(2);
  for (const base of bases.split('\n')) {
    const { stdout: status } = await execa('tar', ['-xOf', base, './var/lib/dpkg/status']);
    const architectures = new Set([...status.matchAll(/^Architecture: (.*)$/gm)].map(([, it]) => it));
    expect(architectures).toEqual(new Set(['all', target.architecture]));
    // mmdebstrap writes it where the root's architecture is not that of the host's dpkg; it names the one, and no other.
    const { stdout: known } = await execa('tar', ['-xOf', base, './var/lib/dpkg/arch'], { reject: false });
    expect(['', target.architecture]).toContain(known);
    const { stdout: names } = await execa('tar', ['-tf', base]);
    expect(names.split('\n').filter((it) => /^\.\/(.*:amd64\.|boot\/vmlinuz|lib64\/)/.test(it))).toEqual([]);
  }
}

/** Package lists of the target, by the host's own settings; where its mirror does not fit itself, by the same files signed anew. */
async function reach(target: Target): Promise<void> {
  const { state } = demo;
  try {
    await (await openAptRoot(target, state, signal)).update({}, () => undefined, signal);
  } catch (error) {
    if (!(error instanceof RennetError) || error.code !== 'mirror-failed') throw error;
    process.stderr.write(`${error.message} The same files are signed anew by the test.\n`);
    const { sourcesFile } = await openAptRoot(target, state, signal);
    // The kernel of an i386 guest is amd64's.
    const architectures = [...new Set([target.architecture, 'amd64'])];
    mirror = await resignedMirror(sourcesFile, target.suite, architectures, join(state.root, '..'));
    await writeFile(state.settingsFile, mirror.settings);
  }
}
