import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { openAptRoot } from '../../../src/debian/apt.ts';
import { lockFile } from '../../../src/host/lock.ts';
import { requireSpace } from '../../../src/host/memory.ts';
import { aptOptions } from '../../../src/image/base.ts';
import { asRootOfFiles, contained, mmdebstrapMode, tarOwnership } from '../../../src/image/contained.ts';
import { RennetError } from '../../../src/model/errors.ts';
import type { Progress } from '../../../src/model/progress.ts';
import type { StateFolder } from '../../../src/model/state.ts';
import { formatTarget, type Target } from '../../../src/model/target.ts';
import { targetName } from '../layout.ts';

/** Host user id of what runs in such a root where we are root: below those of QEMU's slots, far above those of people. */
export const PIP_UID = 1_989_999_999;

/** As in Rennet's build image, and what pip needs. */
const PACKAGES = ['python3', 'python3-dev', 'gcc', 'g++', 'make', 'dpkg-dev', 'python3-pip', 'python3-venv'];

/** Places that are mounted over, a user for what runs there, nothing of the host. */
const CUSTOMIZE = [
  'set -e',
  'rm -f "$1/etc/resolv.conf" "$1/etc/hosts"',
  'mkdir -p "$1/etc/ssl/certs" "$1/work" "$1/cache" "$1/bench"',
  'for name in resolv.conf hosts ssl/certs/ca-certificates.crt; do : >"$1/etc/$name"; done',
  `echo 'pip:x:${PIP_UID}:${PIP_UID}::/work:/bin/sh' >>"$1/etc/passwd"`,
  'rm -rf "$1"/var/log/* "$1"/var/lib/apt/lists/*',
].join('; ');

/** Measured: 600 MiB of root, its archive while it is made, packages. */
const WORK_DISK_MIB = 2500;

/** Where everything about pip on one target lies, below the state's cache. */
export function pipPlace(state: StateFolder, target: Target): string {
  return join(state.cache, 'bench-pip', targetName(target));
}

/**
 * A root folder of the suite with compilers and pip, made with mmdebstrap where there is none of this recipe; not renewed otherwise, so that
 * results stay comparable (remove the folder for a new one). Only its owner gets to it, and nothing in it is setuid.
 * RennetError `bad-target`, `image-failed`, `no-space`, `cancelled`.
 */
export async function ensurePipRoot(
  target: Target,
  state: StateFolder,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const recipe = createHash('sha256')
    .update(JSON.stringify([PACKAGES, CUSTOMIZE]))
    .digest('hex')
    .slice(0, 16);
  const place = pipPlace(state, target);
  const root = join(place, `root-${recipe}`, 'root');
  if (await isFolder(root)) return root;
  await mkdir(place, { recursive: true });
  const lock = await lockFile(join(place, 'root.lock'), signal);
  try {
    if (await isFolder(root)) return root;
    for (const name of await readdir(place))
      if (/^(?:root|making)-/.test(name)) await rm(join(place, name), { recursive: true, force: true });
    await requireSpace(place, WORK_DISK_MIB, "Making pip's root");
    const making = join(place, `making-${recipe}`);
    await mkdir(join(making, 'root'), { recursive: true });
    await chmod(making, 0o700);
    await makeRoot(target, state, making, progress, signal);
    await rename(making, join(place, `root-${recipe}`));
    return root;
  } finally {
    await lock.release();
  }
}

async function makeRoot(target: Target, state: StateFolder, folder: string, progress: Progress, signal: AbortSignal) {
  const doing = `making a root of ${formatTarget(target)} with pip`;
  progress({ doing });
  const apt = await openAptRoot(target, state, signal);
  const archive = join(folder, 'root.tar');
  const bootstrap = contained([
    'mmdebstrap',
    mmdebstrapMode(),
    '--variant=essential',
    '--format=tar',
    `--architectures=${target.architecture}`,
    `--include=${PACKAGES.join(',')}`,
    ...['APT::Install-Recommends "false"', 'Acquire::Languages "none"', ...(await aptOptions(apt.configFile))].map(
      (option) => `--aptopt=${option}`,
    ),
    ...['path-exclude=/usr/share/man/*', 'path-exclude=/usr/share/doc/*', 'force-unsafe-io'].map(
      (rule) => `--dpkgopt=${rule}`,
    ),
    `--customize-hook=${CUSTOMIZE}`,
    target.suite,
    archive,
    apt.sourcesFile,
  ]);
  const root = join(folder, 'root');
  await run(bootstrap, folder, signal);
  progress({ doing: `${doing}: unpacking` });
  for (const [file = '', ...args] of [
    asRootOfFiles(['tar', '-xpf', archive, tarOwnership(), '--exclude=./dev/*', '-C', root]),
    asRootOfFiles(['chmod', '--recursive', 'ug-s', root]),
  ])
    await run([file, args], folder, signal);
  await rm(archive);
}

async function run([file, args]: readonly [string, readonly string[]], scratch: string, signal: AbortSignal) {
  const env = { TMPDIR: scratch, LC_ALL: 'C.UTF-8' };
  const ended = await execa(file, args, { stdin: 'ignore', env, cancelSignal: signal, reject: false });
  if (signal.aborted) throw new RennetError('cancelled', "Making pip's root was stopped.");
  if (!ended.failed) return;
  const lines = ended.stderr.split('\n');
  const why = lines.findLast((line) => /^(E|Err|error)\b/i.test(line)) ?? lines.at(-1) ?? ended.shortMessage;
  throw new RennetError('image-failed', `A root with pip cannot be made: ${why}`);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
