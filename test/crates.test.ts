import { glob, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { buildSdist } from '../src/python/testing/tars.ts';
import { type LaidOutCrates, layOutCrates } from '../src/stage/crates/layer.ts';
import { type DemoRegistry, startDemoRegistry } from './support/demo-registry.ts';

// The host's own cargo against a made-up registry on the loopback, which an operator's settings put in the place of the default one.

const signal = new AbortController().signal;
const file = (content: string) => ({ 'src/lib.rs': content });
let registry: DemoRegistry;
beforeAll(async () => {
  registry = await startDemoRegistry([
    { name: 'curd', version: '1.0.0', files: file('// one'), yanked: true },
    { name: 'curd', version: '2.0.0-rc.1', files: file('// two') },
    { name: 'whey', version: '0.1.0', files: { ...file(''), '../../outside': 'x' } },
  ]);
});
afterAll(() => registry.close());

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-crates-'));
  vi.stubEnv('CARGO_HOME', registry.env.CARGO_HOME);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

interface Pin {
  readonly name: string;
  readonly version: string;
  readonly source?: string;
  readonly checksum?: string;
}

const lock = (...pins: readonly Pin[]): string =>
  `version = 3\n${pins
    .map(({ name, version, ...pin }) => {
      const checksum = pin.checksum ?? registry.sha256.get(`${name}-${version}`) ?? '0'.repeat(64);
      return `\n[[package]]\nname = "${name}"\nversion = "${version}"\nsource = "${pin.source ?? registry.source}"\nchecksum = "${checksum}"\n`;
    })
    .join('')}`;

async function layOut(locks: Readonly<Record<string, string>>): Promise<LaidOutCrates> {
  const sdist = join(folder, 'sdist.tar.gz');
  await writeFile(sdist, buildSdist('mould-1.0', locks));
  await rm(join(folder, 'in'), { recursive: true, force: true });
  await mkdir(join(folder, 'in/layers'), { recursive: true });
  const ports = { cacheFolder: join(folder, 'cache'), progress: () => undefined };
  return layOutCrates(sdist, join(folder, 'in'), ports, { ms: 0 }, signal);
}

const PLACE = 'in/layers/60-crates/usr/share/rennet-crates';

test('crates of several locks, yanked ones too, become one directory source; the second time nothing is asked', async () => {
  const locks = {
    'Cargo.lock': lock({ name: 'curd', version: '1.0.0' }),
    'native/Cargo.lock': lock({ name: 'curd', version: '2.0.0-rc.1' }, { name: 'curd', version: '1.0.0' }),
    'tests/data/Cargo.lock': 'not read',
  };
  const first = await layOut(locks);
  expect(first).toMatchObject({ layers: ['layers/60-crates'], notes: [] });
  expect(first.buildRequirements.map(({ by, name, version }) => [by, name, version])).toEqual([
    ['crate', 'curd', '1.0.0'],
    ['crate', 'curd', '2.0.0-rc.1'],
  ]);
  expect((await readdir(join(folder, PLACE))).toSorted()).toEqual(['curd-1.0.0', 'curd-2.0.0-rc.1']);
  expect(await readFile(join(folder, PLACE, 'curd-1.0.0/src/lib.rs'), 'utf8')).toBe('// one');
  const checksum = JSON.parse(await readFile(join(folder, PLACE, 'curd-1.0.0/.cargo-checksum.json'), 'utf8'));
  expect(checksum).toEqual({ files: {}, package: registry.sha256.get('curd-1.0.0') });
  expect((await stat(join(folder, PLACE, 'curd-1.0.0/src'))).mode & 0o777).toBe(0o755);
  expect(await readFile(join(folder, 'in/layers/60-crates/.cargo/config.toml'), 'utf8')).toContain('replace-with');

  const asked = registry.asked.length;
  expect(await layOut(locks)).toEqual(first);
  expect(registry.asked.length).toBe(asked);
  // Nothing of the work stays, and of the operator's settings only what is about registries.
  expect((await readdir(join(folder, 'cache/layers'))).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(await readFile(join(folder, 'cache/cargo/config.toml'), 'utf8')).not.toContain('rustc');
});

test('a download that was cut off is fetched again', async () => {
  const locks = { 'Cargo.lock': lock({ name: 'curd', version: '1.0.0' }) };
  const { buildRequirements } = await layOut(locks);
  const [download = ''] = await Array.fromAsync(glob(join(folder, 'cache/cargo/registry/cache/*/curd-1.0.0.crate')));
  await truncate(download, 10);
  await rm(join(folder, 'cache/layers'), { recursive: true });
  expect((await layOut(locks)).buildRequirements).toEqual(buildRequirements);
});

describe('refuses', () => {
  test.each([
    ['a checksum that the registry does not keep', { checksum: 'ab'.repeat(32) }, 'wrong-hash', /curd-1\.0\.0\.crate/],
    ['a crate that the registry does not have', { version: '7.0.0' }, 'bad-metadata', /pins the crate curd 7\.0\.0/],
    ['a name with a path', { name: '../curd' }, 'bad-metadata', /broken 'package\.0\.name'/],
    ['a version with a path', { version: '1.0.0-../../x' }, 'bad-metadata', /broken 'package\.0\.version'/],
    ['a name that ends its string', { name: "curd' x" }, 'bad-metadata', /broken 'package\.0\.name'/],
    ['a source that is no address', { source: 'registry+file:..' }, 'bad-metadata', /broken 'package\.0\.source'/],
    [
      'a crate with files outside of its folder',
      { name: 'whey', version: '0.1.0' },
      'bad-archive',
      /^The crate whey 0\.1\.0 .*unsafe name/,
    ],
  ])('%s', async (_, pin, code, message) => {
    const wanted = layOut({ 'Cargo.lock': lock({ name: 'curd', version: '1.0.0', ...pin }) });
    await expect(wanted).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a host without cargo, with the name of the package', async () => {
    for (const program of ['setpriv', 'flock', 'sh']) await symlink(`/usr/bin/${program}`, join(folder, program));
    vi.stubEnv('PATH', folder);
    const wanted = layOut({ 'Cargo.lock': lock({ name: 'curd', version: '1.0.0' }) });
    await expect(wanted).rejects.toMatchObject({ code: 'missing-tool', hint: expect.stringContaining('cargo-web') });
  });
});

test('no other registry is asked, whatever a lock says; a note tells', async () => {
  const source = `sparse+${registry.source.replace(/^.*:/, 'https:')}`;
  const asked = registry.asked.length;
  const { layers, notes } = await layOut({
    'Cargo.lock': lock(
      { name: 'curd', version: '1.0.0', source },
      { name: 'whey', version: '0.1.0', source: 'git+https://www.example.org/whey#0123' },
    ),
  });
  expect(layers).toEqual([]);
  expect(notes.toSorted()).toEqual([
    expect.stringMatching(/^Cargo\.lock takes curd 1\.0\.0 from sparse\+\S+, which is not fetched;/),
    'Cargo.lock takes whey 0.1.0 from git+https://www.example.org/whey#0123, which is not fetched; a build that needs it fails.',
  ]);
  expect(registry.asked.length).toBe(asked);
});
