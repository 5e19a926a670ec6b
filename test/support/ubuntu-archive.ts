import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { makeKey, signRelease, type TestKey } from './resigned-mirror.ts';

/** A binary package of the archive that the test makes. */
interface TestPackage {
  readonly component: 'main' | 'universe';
  readonly fields: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string | Buffer>>;
}

const SUITE = 'noble';
const KERNEL = '6.8.0-31-generic';
const MODULES = `lib/modules/${KERNEL}`;
const INFO = 'usr/lib/python3/dist-packages';

/** `.modinfo` as modules have it, compressed as Ubuntu's are. */
const module = (depends: string) => zstdCompressSync(Buffer.from(`\x7fELF\0license=GPL\0depends=${depends}\0`));

/** What of Ubuntu 24.04 matters here, in small: two components, a virtual kernel, modules in zstd, some built in. */
function packages(architecture: string): TestPackage[] {
  const made = (
    component: TestPackage['component'],
    name: string,
    version: string,
    files: TestPackage['files'],
    depends = '',
  ) => ({
    component,
    fields: {
      Package: name,
      Version: version,
      Architecture: architecture,
      ...(depends === '' ? {} : { Depends: depends }),
    },
    files,
  });
  return [
    made('main', 'base-files', '13ubuntu10', { 'etc/os-release': 'ID=ubuntu\n' }),
    made('main', 'python3', '3.12.3-0ubuntu1', { 'usr/bin/py3versions': '' }, 'python3.12 (>= 3.12.3-0~)'),
    made('main', 'python3.12', '3.12.3-1', { 'usr/lib/python3.12/os.py': '' }),
    made('main', 'python3-six', '1.16.0-4', { [`${INFO}/six.py`]: '', [`${INFO}/six-1.16.0.egg-info`]: '' }),
    made('universe', 'python3-attr', '23.2.0-2', {
      [`${INFO}/attr/__init__.py`]: '',
      [`${INFO}/attrs-23.2.0.dist-info/METADATA`]: '',
    }),
    made('universe', 'dh-python', '6.20240310', { 'usr/share/dh-python/dist/cpython3_fallback': 'six python3-six\n' }),
    made('main', 'busybox-static', '1:1.36.1-6ubuntu3', { 'usr/bin/busybox': 'busybox' }),
    made(
      'main',
      'linux-image-virtual',
      '6.8.0-31.31',
      { 'usr/share/doc/linux-image-virtual/copyright': '' },
      `linux-image-${KERNEL}, linux-modules-${KERNEL}`,
    ),
    made(
      'main',
      `linux-image-${KERNEL}`,
      '6.8.0-31.31',
      { [`boot/vmlinuz-${KERNEL}`]: 'kernel' },
      `linux-modules-${KERNEL}`,
    ),
    made('main', `linux-modules-${KERNEL}`, '6.8.0-31.31', {
      [`${MODULES}/modules.builtin`]: ['virtio_mmio', 'virtio_blk', 'virtio_console', 'ext4', 'squashfs']
        .map((it) => `kernel/x/${it}.ko`)
        .join('\n'),
      [`${MODULES}/kernel/drivers/char/hw_random/virtio-rng.ko.zst`]: module(''),
      [`${MODULES}/kernel/fs/overlayfs/overlay.ko.zst`]: module(''),
    }),
  ];
}

export interface UbuntuArchive extends TestKey {
  readonly folder: string;
  /** `file:` address for config.toml. */
  readonly uri: string;
}

/** Writes a small archive with Ubuntu's fields: one Contents list for the whole suite, two components, signed by a key of its own. */
export async function writeUbuntuArchive(folder: string, architecture: string): Promise<UbuntuArchive> {
  const key = await makeKey(folder);
  const archive = join(folder, 'archive');
  const index: Record<'main' | 'universe', string[]> = { main: [], universe: [] };
  const contents: string[] = [];
  for (const { component, fields, files } of packages(architecture)) {
    const name = fields['Package'] ?? '';
    const root = join(folder, 'packing', name);
    const control = { ...fields, Maintainer: 'Nobody <nobody@example.org>', Section: 'misc', Description: name };
    await put(join(root, 'DEBIAN/control'), stanza(control));
    for (const [path, content] of Object.entries(files)) {
      await put(join(root, path), content);
      contents.push(`${path.padEnd(60)} ${component === 'main' ? '' : 'universe/'}python/${name}`);
    }
    const filename = `pool/${component}/${name}_${(fields['Version'] ?? '').replace(/^\d+:/, '')}_${architecture}.deb`;
    await mkdir(dirname(join(archive, filename)), { recursive: true });
    await execa('dpkg-deb', ['--root-owner-group', '--build', root, join(archive, filename)]);
    const deb = await readFile(join(archive, filename));
    const sums = {
      Filename: filename,
      Size: String(deb.length),
      SHA256: createHash('sha256').update(deb).digest('hex'),
    };
    index[component].push(stanza({ ...control, ...sums }));
  }
  const files = new Map<string, Buffer>([
    [`Contents-${architecture}.gz`, gzipSync(`${contents.toSorted().join('\n')}\n`)],
  ]);
  for (const [component, stanzas] of Object.entries(index))
    files.set(`${component}/binary-${architecture}/Packages`, Buffer.from(stanzas.join('\n')));
  const fields = { Origin: 'Ubuntu', Label: 'Ubuntu', Suite: SUITE, Version: '24.04', Codename: SUITE };
  const release = { ...fields, Architectures: architecture, Components: 'main universe' };
  const dists = join(archive, 'dists', SUITE);
  for (const [path, bytes] of [...files, ['InRelease', await signRelease(release, files, key)] as const])
    await put(join(dists, path), bytes);
  return { ...key, folder: archive, uri: `file:${archive}` };
}

const stanza = (fields: Readonly<Record<string, string>>) =>
  `${Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n`;

async function put(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
