import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** What a build job of a test holds; everything else of job.json is the same for all. */
export interface TestBuild {
  /** Python source of the back end, which the sdist brings itself (`backend-path = ["."]`). */
  readonly backend: string;
  /** Further files of the sdist. */
  readonly files?: Readonly<Record<string, string>>;
  /** Layers by name; each maps absolute paths to contents. */
  readonly layers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Projects whose layer is there, but only for a hook that asks for them. */
  readonly offered?: readonly { readonly project: string; readonly version: string; readonly layer: string }[];
}

/** Lays out the input folder of a build guest. */
export async function writeBuildInput(folder: string, build: TestBuild): Promise<void> {
  await mkdir(join(folder, 'source'), { recursive: true });
  await writeSdist(join(folder, 'source/demo-1.0.tar.gz'), { 'backend.py': build.backend, ...build.files });
  const layers = Object.entries(build.layers ?? {});
  for (const [name, files] of layers) await writeTree(join(folder, 'layers', name), files);
  const offered = build.offered ?? [];
  const offeredLayers = new Set(offered.map((offer) => offer.layer));
  await writeJob(folder, {
    kind: 'build',
    project: 'demo',
    version: '1.0',
    source: 'source/demo-1.0.tar.gz',
    backend: { name: 'backend', path: ['.'], requires: [] },
    layers: layers
      .map(([name]) => name)
      .filter((name) => !offeredLayers.has(name))
      .map((name) => `layers/${name}`),
    offered: offered.map(({ project, version, layer }) => ({ project, version, layers: [`layers/${layer}`] })),
    environment: { RENNET_TEST: 'given' },
  });
}

export async function writeJob(folder: string, job: Record<string, unknown>): Promise<void> {
  await writeFile(join(folder, 'job.json'), JSON.stringify({ protocol: 1, id: 'contract', ...job }));
}

/** Writes files by absolute path below `root`. */
export async function writeTree(root: string, files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content, { mode });
  }
}

async function writeSdist(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name: `demo-1.0/${name}` }, content);
  tar.finalize();
  await pipeline(tar, createGzip(), createWriteStream(path));
}
