import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { hostTarget } from '../../src/debian/apt-host.ts';
import { type AptRoot, openAptRoot } from '../../src/debian/apt.ts';
import { contained, mmdebstrapMode, tarOwnership } from '../../src/image/contained.ts';
import { machineState } from './images.ts';

const isRoot = process.getuid?.() === 0;
const ENVIRONMENT = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8'];
/** apt as a user has it: its own user for downloads, and dates checked, which the host's settings may switch off. */
const APT_CONFIG = 'Acquire::Check-Date "true";\nAcquire::Check-Valid-Until "true";\nAPT::Update::Error-Mode "any";\n';

/** A clean minimal system of this host's suite; everything of it lies in a mount namespace of its own and goes with it. */
export interface Chroot {
  /** Runs a shell script in it as root; rejects with the output when it fails. Gives standard output and error together. */
  run(script: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a fresh copy, with `archive` (a folder of this host) at its own place below folders of the same modes. `include`: official packages
 * that are installed in it.
 */
export async function openChroot(archive: string, include: readonly string[] = []): Promise<Chroot> {
  const tar = await chrootTar(include);
  const root = await mkdtemp(join(tmpdir(), 'rennet-chroot-'));
  const map = isRoot ? [] : ['--map-root-user', '--map-auto'];
  const script = `set -e
    mount -t tmpfs -o mode=0755 rennet-chroot "$1"
    tar -C "$1" ${tarOwnership()} --exclude='./dev/*' -xpf "$2"
    for name in dev proc; do mount --rbind "/$name" "$1/$name"; done
    cp --dereference /etc/resolv.conf /etc/hosts "$1/etc/"
    ${(await parents(archive)).map(({ path, mode }) => `test -e "$1${path}" || mkdir -m ${mode} "$1${path}"`).join('\n')}
    mount --bind "$3" "$1$3"
    echo ready
    exec sleep infinity`;
  const unshare = ['unshare', ...map, '--mount', 'sh', '-c', script, 'sh', root, tar, archive];
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare], { stdio: ['ignore', 'pipe', 'inherit'] });
  const close = async (): Promise<void> => {
    if (holder.exitCode === null && holder.signalCode === null) {
      const gone = once(holder, 'exit');
      holder.kill('SIGKILL');
      await gone;
    }
    await rmdir(root);
  };
  if (!(await isReady(holder))) {
    await close();
    throw new Error('the chroot could not be laid out');
  }
  const enter = ['--target', String(holder.pid), '--mount', ...(isRoot ? [] : ['--user', '--preserve-credentials'])];
  const inside = (command: readonly string[], input = '') =>
    execa(
      'nsenter',
      [...enter, 'chroot', root, 'env', '-i', ...ENVIRONMENT, 'APT_CONFIG=/etc/apt-test.conf', ...command],
      {
        input,
        all: true,
      },
    );
  const write = async (path: string, text: string): Promise<void> => {
    await inside(['sh', '-c', 'cat >"$1"', 'sh', path], text);
  };
  await write('/etc/apt-test.conf', APT_CONFIG);
  return { write, close, run: async (lines) => (await inside(['sh', '-euc', lines])).all };
}

async function isReady(holder: ChildProcess): Promise<boolean> {
  for await (const chunk of holder.stdout ?? []) if (String(chunk).includes('ready')) return true;
  return false;
}

/** The folder with all above it, outermost first: a closed home folder is closed in the chroot as well. */
async function parents(folder: string): Promise<{ path: string; mode: string }[]> {
  if (folder === dirname(folder)) return [];
  const mode = ((await stat(folder)).mode & 0o7777).toString(8);
  return [...(await parents(dirname(folder))), { path: folder, mode }];
}

/** The clean system as an archive, made once for each state of the suite. */
async function chrootTar(include: readonly string[]): Promise<string> {
  const { signal } = new AbortController();
  const target = await hostTarget(signal);
  const apt = await openAptRoot(target, machineState, signal);
  await apt.update({}, () => {}, signal);
  const args = await mmdebstrapArguments(apt, include);
  const key = createHash('sha256')
    .update(JSON.stringify([args, await suiteDate(apt)]))
    .digest('hex');
  const folder = join(machineState.cache, 'test-chroots');
  const tar = join(folder, `${key.slice(0, 32)}.tar`);
  if (await stat(tar).catch(() => undefined)) return tar;
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, 'making-'));
  try {
    const [file, rest] = contained(['mmdebstrap', mmdebstrapMode(), ...args, join(scratch, 'tar'), apt.sourcesFile]);
    await execa(file, rest, { env: { TMPDIR: scratch }, stdin: 'ignore' });
    await rename(join(scratch, 'tar'), tar);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return tar;
}

/**
 * python3 is there, and the one official package that the tests' packages depend on lies in apt's own download folder, so that a
 * test run asks the mirror for nothing but what changed.
 */
async function mmdebstrapArguments(apt: AptRoot, include: readonly string[]): Promise<string[]> {
  const { stdout } = await execa('apt-config', ['dump'], { env: { APT_CONFIG: apt.configFile } });
  const options = stdout.split('\n').filter((line) => /^Acquire::(https?(::|\s)|Check-).* ".+";$/.test(line));
  const finish = [
    'set -e',
    'apt-get --quiet --yes --download-only install python3-wcwidth',
    // The official sources may be older than the dates of this host's clock allow; ours may not.
    `sed -i 's/^Types:.*/&\\nCheck-Date: no\\nCheck-Valid-Until: no/' "$1"/etc/apt/sources.list.d/*.sources`,
    `sed -i '/Check-/d' "$1/etc/apt/apt.conf.d/99mmdebstrap"`,
  ].join('; ');
  return [
    '--variant=minbase',
    '--format=tar',
    `--architectures=${apt.target.architecture}`,
    `--include=${['python3', ...include].join(',')}`,
    '--skip=cleanup/apt',
    ...['APT::Install-Recommends "false"', 'Acquire::Languages "none"', ...options].map((it) => `--aptopt=${it}`),
    ...['path-exclude=/usr/share/locale/*', 'force-unsafe-io'].map((rule) => `--dpkgopt=${rule}`),
    `--customize-hook=${finish}`,
    apt.target.suite,
  ];
}

/** When the suite itself last changed: at point releases, not with each security fix. */
async function suiteDate(apt: AptRoot): Promise<string> {
  for (const path of (await apt.lists()).inReleases) {
    const text = await readFile(path, 'utf8');
    if (new RegExp(`^(?:Codename|Suite): ${apt.target.suite}$`, 'm').test(text))
      return /^Date: .*$/m.exec(text)?.[0] ?? '';
  }
  return '';
}
