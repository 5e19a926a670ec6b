import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { descriptionFrom, writeControl } from '../src/debian/control.ts';
import { writeDeb } from '../src/debian/deb.ts';
import { type StateFolder, stateFolder } from '../src/model/state.ts';
import { type ArchiveRow, type Publication, publishArchive } from '../src/publish/publish.ts';
import { sourcesText } from '../src/publish/sources.ts';

export const SUITE = 'bookworm';
const run = promisify(execFile);

/** A state folder for one test. */
export interface Bench {
  readonly folder: string;
  readonly state: StateFolder;
}

/** mkdtemp makes 0700, which apt's own user cannot pass; `name` is the path of the state folder below. */
export async function openBench(name = 'state'): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-publish-'));
  await chmod(folder, 0o755);
  const state = stateFolder(join(folder, name));
  await mkdir(state.blobs, { recursive: true });
  return { folder, state };
}

export async function closeBench({ folder }: Bench): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

export async function publish({ state }: Bench, rows: readonly ArchiveRow[], now = new Date()): Promise<Publication> {
  const input = { state, suite: SUITE, architectures: ['amd64'], rows, now };
  return await publishArchive(input, new AbortController().signal);
}

/** A real package; `mark` makes other bytes of the same version. */
export async function row(
  { state }: Bench,
  name: string,
  version = '1.0-0~pypi1~deb12',
  architecture = 'all',
  mark = 'x',
): Promise<ArchiveRow> {
  const control = writeControl({
    package: `python3-${name}`,
    version,
    architecture,
    maintainer: 'Rennet <rennet@example.org>',
    installedSizeKiB: 2,
    depends: [],
    provides: [`pypi-dist-${name} (= 1.0)`],
    homepage: 'https://www.example.org/',
    description: descriptionFrom(
      `Größe of ${name}`,
      'A first paragraph of some words that end.\n\nAnd one more paragraph of some words.',
      'text/plain',
      name,
      '1.0',
    ),
  });
  const blob = join(state.blobs, `${name}-${version}-${architecture}-${mark}`);
  const links = [{ path: `/usr/share/python3-${name}/mark`, target: mark }];
  const { bytes, sha256 } = await writeDeb({ control, scripts: {}, files: [], links, epoch: 1_700_000_000 }, blob);
  await chmod(blob, 0o444);
  const pool = `pool/main/p/python3-${name}/python3-${name}_${version}_${architecture}.deb`;
  return { package: `python3-${name}`, version, architecture, control, sha256, bytes, pool, blob };
}

/** apt as a user has it: sandboxed methods, date checks on, none of the host's settings. */
export async function openApt({ folder, state }: Bench, name = 'apt') {
  const root = join(folder, name);
  for (const part of ['lists/partial', 'cache/archives/partial']) await mkdir(join(root, part), { recursive: true });
  await writeFile(join(root, 'status'), '');
  const settings = {
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::sourcelist': join(root, 'rennet.sources'),
    'Dir::State': root,
    'Dir::State::lists': join(root, 'lists'),
    'Dir::State::status': join(root, 'status'),
    'Dir::Cache': join(root, 'cache'),
    'Dir::Log': root,
    'Acquire::Languages': 'none',
    'Acquire::Check-Date': 'true',
    'Acquire::Check-Valid-Until': 'true',
    'APT::Update::Error-Mode': 'any',
    'APT::Architecture': 'amd64',
    'APT::Get::Assume-Yes': 'true',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  await writeFile(
    join(root, 'apt.conf'),
    `${lines.join('')}#clear APT::Architectures;\nAPT::Architectures { "amd64"; };\n`,
  );
  const call = async (program: string, ...parameters: string[]): Promise<string> => {
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', APT_CONFIG: join(root, 'apt.conf') };
    const { stdout, stderr } = await run(program, parameters, { env, cwd: root });
    return stdout + stderr;
  };
  const sources = async (): Promise<void> =>
    writeFile(join(root, 'rennet.sources'), sourcesText(state, SUITE, ['amd64']));
  return {
    root,
    call,
    update: async (): Promise<string> => {
      await sources();
      return await call('apt-get', 'update');
    },
    names: async (): Promise<string[]> =>
      (await call('apt-cache', 'pkgnames'))
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
  };
}

export async function byHashFiles({ state }: Bench): Promise<string[]> {
  const entries = await readdir(join(state.archive, 'dists', SUITE), { recursive: true });
  return entries.filter((name) => name.includes('by-hash/SHA256/')).sort();
}

/** Programs of ours that still run; zombies that a container's init has not fetched are dead. */
export async function runningAgents(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'stat=,args=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes('gpg-agent') && line.includes('rennet-gpg-') && !line.startsWith('Z'));
}
