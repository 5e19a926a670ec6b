import { execa } from 'execa';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { withScratch } from './scratch.ts';
import { aptSource, embedded } from './sources.ts';
import { publicKeyPath } from './signing-key.ts';

export interface AptCheckInput {
  readonly state: StateFolder;
  readonly suite: string;
  readonly architectures: readonly string[];
  /** The signed text that is about to be published; its by-hash files are in place already. */
  readonly inRelease: string;
  /** Package names that apt must find: these and no others. */
  readonly names: ReadonlySet<string>;
}

/**
 * Lets real apt read the new generation before anyone else can: signature, dates, hashes and every stanza, in an apt root of its own.
 * A malformed stanza would make apt fail for all sources of every subscriber; one more name than meant is an injected package.
 * Errors: `publish-refused` with apt's words; `missing-tool`; `cancelled`.
 */
export async function checkWithApt(input: AptCheckInput, signal: AbortSignal): Promise<void> {
  await withScratch(tmpdir(), 'rennet-apt', async (root) => {
    await layOut(root, input);
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', APT_CONFIG: join(root, 'apt.conf') };
    const run = async (program: string, ...parameters: string[]): Promise<string> => {
      const running = execa(program, parameters, { env, extendEnv: false, stdin: 'ignore', cancelSignal: signal });
      const { stdout } = await running.catch((error: unknown) => {
        throw aptError(error);
      });
      return stdout;
    };
    await run('apt-get', 'update', '--quiet=2');
    const available = await run('apt-cache', 'dumpavail');
    const found = new Set([...available.matchAll(/^Package: (.*)$/gm)].map((match) => match[1] ?? ''));
    const odd = [...input.names.symmetricDifference(found)].sort();
    if (odd.length > 0) throw refused(`finds other packages in it than were meant: ${odd.slice(0, 5).join(', ')}`);
  });
}

/** The archive as it would be: the new InRelease beside a link to what is on disk already. */
async function layOut(root: string, { state, suite, architectures, inRelease }: AptCheckInput): Promise<void> {
  const dists = join(root, 'archive/dists', suite);
  await mkdir(dists, { recursive: true });
  await mkdir(join(root, 'lists/partial'), { recursive: true });
  await mkdir(join(root, 'cache/archives/partial'), { recursive: true });
  await symlink(join(state.archive, 'dists', suite, 'main'), join(dists, 'main'));
  await writeFile(join(dists, 'InRelease'), inRelease);
  await writeFile(join(root, 'status'), '');
  const key = embedded(await readFile(publicKeyPath(state), 'utf8'));
  await writeFile(join(root, 'rennet.sources'), aptSource(`file:${root}/archive`, suite, architectures, key));
  const own = architectures.length > 0 ? architectures : ['amd64'];
  const settings: [string, string][] = [
    // The host's own settings stay out: a snippet there may switch date checks off or add sources and hooks.
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', '/dev/null'],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::Etc::sourcelist', join(root, 'rennet.sources')],
    ['Dir::State', root],
    ['Dir::State::lists', join(root, 'lists')],
    ['Dir::State::status', join(root, 'status')],
    ['Dir::Cache', join(root, 'cache')],
    ['Dir::Log', root],
    ['Acquire::Languages', 'none'],
    ['APT::Update::Error-Mode', 'any'],
    // The folder is ours alone; _apt could not enter it.
    ['APT::Sandbox::User', 'root'],
    ['APT::Architecture', own[0] ?? 'amd64'],
  ];
  const conf = settings.map(([name, value]) => `${name} "${value}";\n`).join('');
  await writeFile(
    join(root, 'apt.conf'),
    `${conf}APT::Architectures { ${own.map((name) => `"${name}";`).join(' ')} };\n`,
  );
}

function aptError(error: unknown): unknown {
  const { code, isCanceled, stderr } = error as { code?: string; isCanceled?: boolean; stderr?: string };
  if (isCanceled)
    return new RennetError('cancelled', 'Publishing was cancelled; the archive is as it was.', '', { cause: error });
  if (code === 'ENOENT')
    return new RennetError('missing-tool', 'apt-get could not be started.', 'Publishing needs apt.', { cause: error });
  const words = (stderr ?? '')
    .split('\n')
    .filter((line) => /^[EW]: /.test(line))
    .slice(0, 3)
    .join(' ');
  return words === '' ? error : refused(`refuses it: ${words}`, error);
}

function refused(why: string, cause?: unknown): RennetError {
  return new RennetError(
    'publish-refused',
    `The new index was not published: apt ${why}.`,
    'This is a defect of Rennet; please report it.',
    { cause },
  );
}
