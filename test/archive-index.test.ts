import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AptRoot, openAptRoot } from '../src/debian/apt.ts';
import { hostTarget } from '../src/debian/apt-host.ts';
import { type ArchiveIndex, openArchiveIndex } from '../src/debian/archive-index.ts';
import { stateFolder } from '../src/model/state.ts';

/** The host's own suite, from the host's own mirror, in a private root. */
const signal = new AbortController().signal;
let folder = '';
let root: AptRoot;
let archive: ArchiveIndex;
const doings = new Set<string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-apt-'));
  root = await openAptRoot(await hostTarget(signal), stateFolder(folder), signal);
  await root.update({}, ({ doing }) => doings.add(doing), signal);
  archive = await openArchiveIndex(root, signal);
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the suite: facts agree with the host, well-known projects are found', async () => {
  const { stdout: release } = await execa('sh', ['-c', '. /etc/os-release; echo "$ID $VERSION_ID"']);
  const [id, version] = release.split(' ');
  if (version) expect(archive.facts.suiteTag).toBe(id === 'ubuntu' ? `ubuntu${version}` : `deb${version}`);
  expect(archive.facts.python).toMatch(/^3\.\d+$/);
  expect(archive.facts.pythonFull.startsWith(`${archive.facts.python}.`)).toBe(true);
  for (const project of ['six', 'wcwidth', 'setuptools', 'wheel', 'hatchling', 'numpy']) {
    const [dist] = archive.dists(project);
    expect(dist?.package).toBe(`python3-${project}`);
    expect(dist?.upstreamVersion).toMatch(/^\d+\.\d/);
    expect(dist?.packageVersion).toBe(archive.packageVersion(`python3-${project}`));
  }
  expect(archive.dists('pyyaml')[0]?.package).toBe('python3-yaml');
  expect(archive.dists('no-such-project')).toEqual([]);
});

test('owners of modules, programs and files', async () => {
  expect(archive.moduleOwner('six.py')).toBe('python3-six');
  expect(archive.moduleOwner('google/protobuf/message.py')).toBe('python3-protobuf');
  expect(archive.moduleOwner('google/rennet_test/__init__.py')).toBeUndefined();
  expect(archive.programOwner('/usr/bin/ls')).toBe('coreutils');
  expect(archive.fileOwner('/usr/lib/python3/dist-packages/six.py')).toBe('python3-six');
  expect(archive.fileOwner('/usr/bin/rennet-test')).toBeUndefined();
  for (const name of ['os', 'sys', 'asyncio', 'math', '_ctypes', 'tkinter'])
    expect(archive.stdlibModules).toContain(name);
  expect(archive.stdlibModules).not.toContain('six');
  const found = await archive.developmentFiles((path) => path.endsWith('/gmp.h'), signal);
  expect(found.map((file) => file.package)).toContain('libgmp-dev');
});

test('a second open reads the kept index, and nothing half-made lies beside it', async () => {
  const names = await readdir(join(root.folder, 'index'));
  expect(names).toHaveLength(3);
  expect((await openArchiveIndex(root, signal)).dists('six')).toEqual(archive.dists('six'));
  expect(await readdir(join(root.folder, 'index'))).toEqual(names);
});

test('fresh lists are not fetched again; two updates at once wait for each other', async () => {
  expect(doings.size).toBe(1);
  expect(await root.update({}, () => undefined, signal)).toEqual({ updated: false, notes: [] });
  const both = [1, 2].map(() => root.update({ maxAgeMs: 0 }, () => undefined, signal));
  expect(await Promise.all(both)).toEqual([
    { updated: true, notes: [] },
    { updated: true, notes: [] },
  ]);
});

test("a closure is what apt's own simulation installs, and its files have the signed hashes", async () => {
  const status = join(root.folder, 'state/status');
  const debs = await root.closure(['python3-wcwidth (>= 0.1)', 'python3:any'], status, signal);
  const { stdout } = await execa(
    'apt-get',
    ['satisfy', '--simulate', '--no-install-recommends', '-qq', 'python3-wcwidth, python3'],
    {
      env: { APT_CONFIG: root.configFile, LC_ALL: 'C.UTF-8' },
    },
  );
  const simulated = [...stdout.matchAll(/^Inst (\S+) \((\S+) /gm)].map(([, name, version]) => `${name} ${version}`);
  expect(debs.map((deb) => `${deb.package} ${deb.version}`)).toEqual(simulated);
  expect(simulated.length).toBeGreaterThan(5);
  const wcwidth = debs.filter((deb) => deb.package === 'python3-wcwidth');
  const cache = join(folder, 'debs');
  const [[path = ''] = [], second] = await Promise.all(
    [1, 2].map(() => root.fetch(wcwidth, cache, () => undefined, signal)),
  );
  expect(second).toEqual([path]);
  expect((await execa('dpkg-deb', ['--field', path, 'Package'])).stdout).toBe('python3-wcwidth');
  expect((await execa('sha256sum', [path])).stdout.split(' ')[0]).toBe(wcwidth[0]?.sha256);
  // A damaged file of the cache is noticed and fetched anew.
  await writeFile(path, 'damaged');
  await root.fetch(wcwidth, cache, () => undefined, signal);
  expect((await execa('sha256sum', [path])).stdout.split(' ')[0]).toBe(wcwidth[0]?.sha256);
  expect(await readdir(cache)).toHaveLength(1);
});

test('what nobody can install is said in one sentence', async () => {
  const status = join(root.folder, 'state/status');
  const asked = root.closure(['python3-no-such-thing (>= 1)'], status, signal);
  await expect(asked).rejects.toMatchObject({ code: 'unmet-relations' });
  await expect(asked).rejects.toThrow('python3-no-such-thing');
});

test('the configuration, where a password of a proxy may stand, is for its owner alone', async () => {
  expect((await stat(root.configFile)).mode & 0o777).toBe(0o600);
});

/** A root whose sources lead elsewhere. */
async function rerouted(name: string, uri: string, options = ''): Promise<AptRoot> {
  const other = await openAptRoot(root.target, stateFolder(join(folder, name)), signal);
  await writeFile(
    other.sourcesFile,
    `Types: deb\nURIs: ${uri}\nSuites: ${root.target.suite}\nComponents: main\n${options}`,
  );
  return other;
}

test('a mirror that does not answer: an error without lists, a note with lists', async () => {
  const empty = await rerouted('down', 'http://127.0.0.1:9/debian');
  await expect(empty.update({}, () => undefined, signal)).rejects.toMatchObject({ code: 'mirror-failed' });
  const text = await readFile(root.configFile, 'utf8');
  const nobody = ['http', 'https'].map((scheme) => `Acquire::${scheme}::Proxy "http://127.0.0.1:9";\n`).join('');
  try {
    await writeFile(root.configFile, text + nobody);
    const { updated, notes } = await root.update({ maxAgeMs: 0 }, () => undefined, signal);
    expect(updated).toBe(false);
    expect(notes).toHaveLength(1);
    // Lists of other sources are no lists of these.
    await writeFile(root.sourcesFile, `${await readFile(root.sourcesFile, 'utf8')}\n`);
    await expect(root.update({ maxAgeMs: 0 }, () => undefined, signal)).rejects.toMatchObject({
      code: 'mirror-failed',
    });
  } finally {
    await writeFile(root.configFile, text);
    await writeFile(root.sourcesFile, (await readFile(root.sourcesFile, 'utf8')).replace(/\n\n$/, '\n'));
  }
});

test("a vendor's archive under the release's name is found out by its Origin and not used again", async () => {
  const { suite, architecture } = root.target;
  const vendor = join(folder, 'vendor');
  const lists = join(vendor, `dists/${suite}/main/binary-${architecture}`);
  await mkdir(lists, { recursive: true });
  await writeFile(join(lists, 'Packages'), 'Package: x\nVersion: 1\nArchitecture: all\nFilename: x.deb\nSize: 1\n');
  const hash = createHash('sha256')
    .update(await readFile(join(lists, 'Packages')))
    .digest('hex');
  const bytes = (await readFile(join(lists, 'Packages'))).length;
  const plain = `Origin: Vendor\nSuite: ${suite}\nCodename: ${suite}\nComponents: main\nArchitectures: ${architecture}\nDate: ${new Date().toUTCString()}\nSHA256:\n ${hash} ${bytes} main/binary-${architecture}/Packages\n`;
  await writeFile(join(vendor, `dists/${suite}/Release`), plain);
  const other = await rerouted('foreign', `file:${vendor}`, 'Trusted: yes\n');
  await other.update({}, () => undefined, signal);
  expect(await readFile(other.sourcesFile, 'utf8')).not.toContain('vendor');
  expect((await other.lists()).packages.join()).not.toContain('vendor');
});

test('lists without a good signature are refused', async () => {
  const server = createServer((request, response) => {
    if (!request.url?.endsWith('/InRelease')) return response.writeHead(404).end();
    return response.end(`Origin: Debian\nSuite: ${root.target.suite}\nCodename: ${root.target.suite}\n`);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const { port } = server.address() as AddressInfo;
    const forged = await rerouted('forged', `http://127.0.0.1:${port}/debian`);
    await expect(forged.update({}, () => undefined, signal)).rejects.toMatchObject({ code: 'bad-signature' });
    expect((await forged.lists()).packages).toEqual([]);
  } finally {
    server.close();
  }
});

test('a cancelled update ends apt', async () => {
  const other = await openAptRoot(root.target, stateFolder(join(folder, 'cancelled')), signal);
  const abort = new AbortController();
  const update = other.update({}, () => abort.abort(), abort.signal);
  await expect(update).rejects.toMatchObject({ code: 'cancelled' });
  // The lock is free at once: nothing of apt runs on.
  await execa('flock', ['--exclusive', '--nonblock', join(other.folder, 'lock'), 'true']);
});
