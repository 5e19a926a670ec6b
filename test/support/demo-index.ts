import { createHash, randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type IndexServer, jsonPage, makeZip, serve, startIndexServer } from '../../src/python/testing/index-server.ts';

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
  /** Python lines that run before the wheel is packed: `files` (path → text or bytes) and `name`, its file name, may be changed. */
  readonly packing?: string;
  /** Wheels of the same release that lie beside the sdist. */
  readonly wheels?: readonly DemoWheel[];
  /** Further files of the sdist, by their path below the top folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of the sdist and the wheel; below 2.2 the sdist binds nothing, so that only the build tells what it requires. */
  readonly metadataVersion?: string;
}

/** What upstream's own build of the release is said to have given; the module of the project is in it. */
export interface DemoWheel {
  /** `py3-none-any` */
  readonly tag: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Further lines of its metadata. */
  readonly metadata?: readonly string[];
  readonly entryPoints?: string;
}

export interface DemoIndex extends IndexServer {
  /** For `startRennet`. */
  readonly env: { readonly PIP_INDEX_URL: string };
  /** By path; may be changed while the index runs. */
  readonly answers: Record<string, RequestListener>;
  /** Adds a release, or puts another in its place; the fields given last take the place of those on the page. */
  add(release: DemoRelease, page?: Readonly<Record<string, unknown>>): Promise<{ path: string; bytes: Buffer }>;
  /** Puts files of any kind on the page of a project, in the place of what was there. */
  put(project: string, files: Readonly<Record<string, Buffer>>): void;
}

/** A loopback index without any project. */
export async function startDemoIndex(): Promise<DemoIndex> {
  const answers: Record<string, RequestListener> = {};
  const server = await startIndexServer(answers);
  const pages = new Map<string, Map<string, readonly object[]>>();
  const serveFile = (filename: string, content: Buffer) => {
    const path = `/files/${filename}`;
    answers[path] = serve(content);
    const hashes = { sha256: createHash('sha256').update(content).digest('hex') };
    return { filename, url: `${server.url}${path}`, hashes, size: content.length };
  };
  return {
    ...server,
    env: { PIP_INDEX_URL: `${server.url}/simple` },
    answers,
    put(project, files) {
      const listed = Object.entries(files).map(([filename, content]) => serveFile(filename, content));
      answers[`/simple/${project}/`] = jsonPage(project, listed, { 'cache-control': 'no-store' });
    },
    async add(release, page = {}) {
      const { project, version = '1.0' } = release;
      const bytes = await demoSdist(release);
      const sdist = serveFile(`${project}-${version}.tar.gz`, bytes);
      const wheels = (release.wheels ?? []).map((wheel) => {
        const name = `${moduleOf(project)}-${version}-${wheel.tag}.whl`;
        return serveFile(name, demoWheel(release, wheel));
      });
      const files = pages.get(project) ?? new Map<string, readonly object[]>();
      pages.set(project, files.set(version, [{ ...sdist, ...page }, ...wheels]));
      answers[`/simple/${project}/`] = jsonPage(project, [...files.values()].flat(), { 'cache-control': 'no-store' });
      return { path: `/files/${sdist.filename}`, bytes };
    },
  };
}

function moduleOf(project: string): string {
  return project.replaceAll('-', '_');
}

function metadataOf(release: DemoRelease, lines: readonly string[] = []): string {
  const { project, version = '1.0', metadataVersion = '2.2' } = release;
  const first = [`Metadata-Version: ${metadataVersion}`, `Name: ${project}`, `Version: ${version}`];
  return [...first, 'Summary: A release for tests', ...lines, ''].join('\n');
}

/** A wheel as `wheels` of a release brings it; `files` may take the place of what every wheel has. */
export function demoWheel(release: DemoRelease, wheel: DemoWheel): Buffer {
  const { project, version = '1.0' } = release;
  const info = `${moduleOf(project)}-${version}.dist-info`;
  const files: Readonly<Record<string, string | Buffer>> = {
    [`${moduleOf(project)}.py`]: '',
    [`${info}/METADATA`]: metadataOf(release, wheel.metadata),
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nTag: ${wheel.tag}\n`,
    ...(wheel.entryPoints === undefined ? {} : { [`${info}/entry_points.txt`]: wheel.entryPoints }),
    ...wheel.files,
  };
  const record = [...Object.keys(files), `${info}/RECORD`].map((path) => `${path},,\n`).join('');
  return makeZip(
    Object.entries({ ...files, [`${info}/RECORD`]: record }).map(([name, content]) => ({ name, content })),
  );
}

/** What the sdist of a release holds, by path below its top folder. */
export function demoFiles(release: DemoRelease): Readonly<Record<string, string>> {
  const { ballast = 0 } = release;
  const metadata = metadataOf(release, release.metadata);
  return {
    'PKG-INFO': metadata,
    'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    'ballast.txt': randomBytes(ballast / 2).toString('hex'),
    'backend.py': backEnd(release, metadata),
    ...release.files,
  };
}

async function demoSdist(release: DemoRelease): Promise<Buffer> {
  const { project, version = '1.0' } = release;
  const tar = pack();
  for (const [name, content] of Object.entries(demoFiles(release)))
    tar.entry({ name: `${project}-${version}/${name}` }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

function backEnd(release: DemoRelease, metadata: string): string {
  const { project, version = '1.0', hook = 'pass', packing = 'pass', module: code = '' } = release;
  const module = moduleOf(project);
  const info = `${module}-${version}.dist-info`;
  const indented = (lines: string) =>
    lines
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n');
  return `import os, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
${indented(hook)}
    name = '${module}-${version}-py3-none-any.whl'
    files = {
        '${module}.py': 'BALLAST = "' + open('ballast.txt').read() + '"\\n' + ${JSON.stringify(code)} + '\\n',
        '${info}/METADATA': ${JSON.stringify(metadata)},
        '${info}/WHEEL': 'Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
    }
${indented(packing)}
    record = ''.join(path + ',,\\n' for path in [*files, '${info}/RECORD'])
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:
        for path, text in {**files, '${info}/RECORD': record}.items():
            wheel.writestr(path, text)
    return name
`;
}
