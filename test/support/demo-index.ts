import { createHash, randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type IndexServer, jsonPage, serve, startIndexServer } from '../../src/python/testing/index-server.ts';

/** A release of pure Python whose sdist brings its own back end, so that a build needs nothing but the index. */
export interface DemoRelease {
  readonly project: string;
  readonly version?: string;
  /** Python lines that `build_wheel` runs first. */
  readonly hook?: string;
  /** Python lines that its module runs when it is imported. */
  readonly module?: string;
  /** Bytes that do not pack, in the sdist and in the wheel. */
  readonly ballast?: number;
  /** Further lines of the metadata: `Requires-Dist: six`. */
  readonly metadata?: readonly string[];
  /** Further files of the sdist, by their path below the top folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of the sdist and the wheel; below 2.2 the sdist binds nothing, so that only the build tells what it requires. */
  readonly metadataVersion?: string;
}

export interface DemoIndex extends IndexServer {
  /** For `startRennet`. */
  readonly env: { readonly PIP_INDEX_URL: string };
  /** By path; may be changed while the index runs. */
  readonly answers: Record<string, RequestListener>;
  /** Adds a release, or puts another in its place; the fields given last take the place of those on the page. */
  add(release: DemoRelease, page?: Readonly<Record<string, unknown>>): Promise<{ path: string; bytes: Buffer }>;
}

/** A loopback index without any project. */
export async function startDemoIndex(): Promise<DemoIndex> {
  const answers: Record<string, RequestListener> = {};
  const server = await startIndexServer(answers);
  const pages = new Map<string, Map<string, object>>();
  return {
    ...server,
    env: { PIP_INDEX_URL: `${server.url}/simple` },
    answers,
    async add(release, page = {}) {
      const { project, version = '1.0' } = release;
      const bytes = await demoSdist(release);
      const filename = `${project}-${version}.tar.gz`;
      const path = `/files/${filename}`;
      const hashes = { sha256: createHash('sha256').update(bytes).digest('hex') };
      const file = { filename, url: `${server.url}${path}`, hashes, size: bytes.length, ...page };
      const files = pages.get(project) ?? new Map<string, object>();
      pages.set(project, files.set(version, file));
      answers[`/simple/${project}/`] = jsonPage(project, [...files.values()], { 'cache-control': 'no-store' });
      answers[path] = serve(bytes);
      return { path, bytes };
    },
  };
}

async function demoSdist(release: DemoRelease): Promise<Buffer> {
  const { project, version = '1.0', hook = 'pass', module = '', ballast = 0 } = release;
  const first = [`Metadata-Version: ${release.metadataVersion ?? '2.2'}`, `Name: ${project}`, `Version: ${version}`];
  const metadata = [...first, 'Summary: A release for tests', ...(release.metadata ?? []), ''].join('\n');
  const files = {
    'PKG-INFO': metadata,
    'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    'ballast.txt': randomBytes(ballast / 2).toString('hex'),
    'backend.py': backEnd(project, version, metadata, hook, module),
    ...release.files,
  };
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name: `${project}-${version}/${name}` }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

function backEnd(project: string, version: string, metadata: string, hook: string, code: string): string {
  const module = project.replaceAll('-', '_');
  const info = `${module}-${version}.dist-info`;
  const lines = hook.split('\n').map((line) => `    ${line}`);
  return `import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
${lines.join('\n')}
    name = '${module}-${version}-py3-none-any.whl'
    files = {
        '${module}.py': 'BALLAST = "' + open('ballast.txt').read() + '"\\n' + ${JSON.stringify(code)} + '\\n',
        '${info}/METADATA': ${JSON.stringify(metadata)},
        '${info}/WHEEL': 'Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
    }
    record = ''.join(path + ',,\\n' for path in [*files, '${info}/RECORD'])
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:
        for path, text in {**files, '${info}/RECORD': record}.items():
            wheel.writestr(path, text)
    return name
`;
}
