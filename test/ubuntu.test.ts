import { chmod, glob, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAptRoot } from '../src/debian/apt.ts';
import { openArchiveIndex } from '../src/debian/archive-index.ts';
import { suiteSettings } from '../src/host/settings.ts';
import { keepKernel } from '../src/image/kernel.ts';
import { mmdebstrapArguments } from '../src/image/recipe.ts';
import { stateFolder } from '../src/model/state.ts';
import { type UbuntuArchive, writeUbuntuArchive } from './support/ubuntu-archive.ts';

/* Ubuntu by configuration alone: a small archive with its fields, signed by a key of the test's own, and config.toml. */

const signal = new AbortController().signal;
/** Another processor than this host's: mmdebstrap then only unpacks, which it can do with an archive as small as this. */
const target = { suite: 'noble', architecture: process.arch === 'arm64' ? 'amd64' : 'arm64' } as const;
let folder = '';
let archive: UbuntuArchive;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-ubuntu-'));
  // apt's own user reads the archive.
  await chmod(folder, 0o755);
  archive = await writeUbuntuArchive(folder, target.architecture);
});
afterAll(async () => {
  await execa('gpgconf', ['--homedir', archive.home, '--kill', 'all'], { reject: false });
  await rm(folder, { recursive: true, force: true });
});

/** A state folder whose config.toml has the suite; `keyring` may be another one. */
async function configured(name: string, suite = '', keyring = archive.keyring) {
  const state = stateFolder(join(folder, name));
  await execa('mkdir', ['-p', state.root]);
  const source = `[[suite.noble.source]]\nuris = ["${archive.uri}"]\ncomponents = ["main", "universe"]\nkeyring = "${keyring}"\n`;
  const kernel = `[suite.noble.kernel]\n${target.architecture} = "linux-image-virtual"\n`;
  await writeFile(state.settingsFile, `[suite.noble]\n${suite}\n${source}\n${kernel}`);
  return state;
}

async function openIndex(name: string, suite?: string) {
  const root = await openAptRoot(target, await configured(name, suite), signal);
  const { notes } = await root.update({}, () => undefined, signal);
  return { notes, archive: await openArchiveIndex(root, signal) };
}

test('planning facts follow from the archive: Python, suite tag, official projects of both components', async () => {
  const { archive: index, notes } = await openIndex('plain');
  expect(notes).toEqual([]);
  expect(index.facts).toEqual({ ...target, python: '3.12', pythonFull: '3.12.3', suiteTag: 'ubuntu24.04' });
  expect(index.dists('six')).toMatchObject([{ package: 'python3-six', upstreamVersion: '1.16.0' }]);
  expect(index.dists('attrs')).toMatchObject([{ package: 'python3-attr', packageVersion: '23.2.0-2' }]);
  expect(index.moduleOwner('attr/__init__.py')).toBe('python3-attr');
});

test("the operator's tag takes the place of the archive's", async () => {
  expect((await openIndex('tagged', 'tag = "derived7"')).archive.facts.suiteTag).toBe('derived7');
});

test('an archive that another key signed is refused', async () => {
  const root = await openAptRoot(
    target,
    await configured('strange', '', '/usr/share/keyrings/debian-archive-keyring.gpg'),
    signal,
  );
  await expect(root.update({}, () => undefined, signal)).rejects.toMatchObject({ code: 'bad-signature' });
});

test('a suite that none of its sources serves for the architecture is told with the key to change', async () => {
  const state = await configured('elsewhere');
  const text = await readFile(state.settingsFile, 'utf8');
  await writeFile(state.settingsFile, text.replace('components', 'architectures = ["i386"]\ncomponents'));
  await expect(openAptRoot(target, state, signal)).rejects.toMatchObject({
    code: 'bad-target',
    message: `No source of [suite.noble] in config.toml has noble/${target.architecture} itself.`,
    hint: expect.stringContaining('"architectures"'),
  });
});

test('mmdebstrap takes the configured kernel, with its modules out of packages of their own', async () => {
  const state = await configured('kernel');
  const root = await openAptRoot(target, state, signal);
  const debs = join(folder, 'debs');
  await execa('mkdir', ['-p', debs]);
  const settings = await suiteSettings(state, 'noble');
  const words = mmdebstrapArguments('build', target, settings, debs, []);
  expect(words.join('\n')).toContain('linux-image-virtual');
  // The archive has no compiler: what the image includes is bounded to what it has; hooks and sources stay.
  const args = words.filter((word) => !/^--include=(?!\?essential)/.test(word));
  await execa('mmdebstrap', ['--mode=root', ...args, join(folder, 'root.tar'), root.sourcesFile]);
  const base = join(folder, 'base');
  await execa('mkdir', ['-p', base]);
  expect(await keepKernel(folder, base, signal)).toBe('6.8.0-31-generic');
  const modules = (await Array.fromAsync(glob('*.ko', { cwd: join(base, 'modules') }))).toSorted();
  expect(modules).toEqual(['00-virtio_rng.ko', '01-overlay.ko']);
  expect((await readFile(join(base, 'modules/01-overlay.ko'))).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
  expect(await readFile(join(base, 'busybox'), 'utf8')).toBe('busybox');
});

test('Contents that do not fit are refused with what the operator may do, and used where he says so', async () => {
  const list = join(archive.folder, `dists/noble/Contents-${target.architecture}.gz`);
  const good = await readFile(list);
  await writeFile(list, Buffer.concat([good, Buffer.from('more')]));
  try {
    const strict = await openAptRoot(target, await configured('strict'), signal);
    await expect(strict.update({}, () => undefined, signal)).rejects.toMatchObject({
      code: 'mirror-failed',
      hint: expect.stringContaining('contents = "as-served"'),
    });
    // Nothing of a first update that failed is taken for lists of the suite.
    await expect(strict.update({}, () => undefined, signal)).rejects.toMatchObject({ code: 'mirror-failed' });
    await writeFile(list, good.subarray(0));
    await writeFile(join(archive.folder, `dists/noble/Contents-${target.architecture}.gz`), await regzipped(good));
    const { notes, archive: index } = await openIndex('lenient', 'contents = "as-served"');
    expect(notes).toEqual([expect.stringContaining('used as they are, as config.toml says')]);
    expect(index.dists('six')).toHaveLength(1);
  } finally {
    await writeFile(list, good);
  }
});

/** The same list in other bytes. */
async function regzipped(bytes: Buffer): Promise<Buffer> {
  const { gunzipSync, gzipSync } = await import('node:zlib');
  return gzipSync(gunzipSync(bytes), { level: 1 });
}
