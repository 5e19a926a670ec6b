import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AptRoot, Deb } from '../../debian/apt.ts';
import type { ArchiveIndex, OfficialDist } from '../../debian/archive-index.ts';
import { RennetError } from '../../model/errors.ts';
import type { Image } from '../../model/machine.ts';
import type { ReleaseFile } from '../../model/release.ts';
import type { IndexClient } from '../../python/client.ts';
import { parseFileName } from '../../python/name.ts';
import { compareVersions } from '../../python/version.ts';
import type { StagePorts } from '../ports.ts';

const FACTS = {
  suite: 'bookworm',
  architecture: 'amd64',
  python: '3.11',
  pythonFull: '3.11.2',
  suiteTag: 'deb12',
} as const;

/** Everything that a made-up target and index hold. */
export interface World {
  /** `setuptools` → [`python3-setuptools`, `66.1.1-1`, `66.1.1`]. */
  readonly official?: Readonly<
    Record<string, readonly [name: string, version: string, upstream: string, architecture?: string]>
  >;
  /** Files of the index by name. */
  readonly files?: Readonly<Record<string, Buffer>>;
  readonly debs?: readonly MadeDeb[];
  /** The index gives no hash of any file. */
  readonly unhashed?: true;
}

export interface MadeDeb {
  readonly deb: Deb;
  readonly path: string;
}

/** Ports over a made-up world; `asked` lists the projects that the index was asked for. */
export function madePorts(folder: string, world: World): StagePorts & { readonly asked: string[] } {
  const asked: string[] = [];
  const image = {
    packages: [{ package: 'libc6', version: '2.36-9+deb12u10', architecture: 'amd64' }],
    dpkgStatus: join(folder, 'status'),
  } as unknown as Image;
  const files = world.files ?? {};
  const index: IndexClient = {
    origin: () => 'https://index.example.org/simple',
    async project(name) {
      asked.push(name);
      const versions = new Map<string, ReleaseFile[]>();
      for (const filename of Object.keys(files)) {
        const { kind, version } = parsed(name, filename);
        if (kind === undefined || version === undefined) continue;
        versions.set(version, [
          ...(versions.get(version) ?? []),
          {
            filename,
            url: `https://index.example.org/${filename}`,
            kind,
            ...(world.unhashed ? {} : { sha256: sha256Of(files[filename] ?? Buffer.alloc(0)) }),
          },
        ]);
      }
      if (versions.size === 0) throw new RennetError('unknown-project', `The index has no project ${name}.`);
      const releases = [...versions].map(([version, list]) => ({ version, files: list }));
      return { name, unreadable: [], releases: releases.toSorted((a, b) => compareVersions(b.version, a.version)) };
    },
    metadata: async () => undefined,
    wheelMember: async () => undefined,
    async download(file, path) {
      const bytes = files[file.filename] ?? Buffer.alloc(0);
      await writeFile(path, bytes);
      return { bytes: bytes.length, sha256: sha256Of(bytes) };
    },
  };
  const debs = world.debs ?? [];
  const apt = {
    closure: async (relations: readonly string[]) =>
      debs.map(({ deb }) => deb).filter((deb) => relations.some((text) => text.split(' ')[0] === deb.package)),
    fetch: async (wanted: readonly Deb[]) => wanted.map((deb) => debs.find((made) => made.deb === deb)?.path ?? ''),
  } as unknown as AptRoot;
  const archive = {
    facts: FACTS,
    hasPackage: (name: string) => debs.some(({ deb }) => deb.package === name),
    packageVersion: (name: string) => debs.find(({ deb }) => deb.package === name)?.deb.version,
    dists: (project: string): OfficialDist[] => {
      const found = world.official?.[project];
      if (!found) return [];
      const [name, packageVersion, upstreamVersion, architecture = 'all'] = found;
      return [{ project, package: name, packageVersion, upstreamVersion, architecture }];
    },
  } as unknown as ArchiveIndex;
  const images = { build: image, runtime: image };
  return { asked, index, apt, archive, images, cacheFolder: join(folder, 'cache'), progress: () => undefined };
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parsed(project: string, filename: string): { kind?: 'sdist' | 'wheel'; version?: string } {
  const name = parseFileName(project, filename);
  return name.kind === undefined ? {} : { kind: name.kind, version: name.version };
}

/** Builds a real `.deb` with dpkg-deb; the content `-> x` makes a link to x. */
export async function makeDeb(
  folder: string,
  name: string,
  files: Readonly<Record<string, string>>,
  control: Readonly<Record<string, string>> = {},
  postinst?: string,
): Promise<MadeDeb> {
  const tree = join(folder, `build-${name}`);
  const fields = {
    Package: name,
    Version: '1.0-1',
    Architecture: 'all',
    Maintainer: 'A <a@example.org>',
    Description: 'x',
    ...control,
  };
  const text = Object.entries(fields).map(([field, value]) => `${field}: ${value}\n`);
  const all = {
    'DEBIAN/control': text.join(''),
    ...(postinst === undefined ? {} : { 'DEBIAN/postinst': postinst }),
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(join(tree, dirname(path)), { recursive: true });
    if (content.startsWith('-> ')) await symlink(content.slice(3), join(tree, path));
    else await writeFile(join(tree, path), content, { mode: path === 'DEBIAN/postinst' ? 0o755 : 0o644 });
  }
  const path = join(folder, `${name}.deb`);
  await execa('dpkg-deb', ['--root-owner-group', '--build', tree, path]);
  await rm(tree, { recursive: true });
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const deb: Deb = {
    package: name,
    version: fields.Version,
    architecture: fields.Architecture,
    filename: `pool/${name}.deb`,
    uri: '',
    sha256,
    bytes: bytes.length,
  };
  return { deb, path };
}
