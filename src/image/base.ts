import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findQemu } from '../machine/qemu/program.ts';
import { RennetError } from '../model/errors.ts';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import { type Target, formatTarget, machineArchitecture } from '../model/target.ts';
import type { SuiteSettings } from '../host/settings.ts';
import { sha256OfFile } from '../host/files.ts';
import { ensureMemoryFolder, requireSpace } from '../host/memory.ts';
import { contained, mmdebstrapMode } from './contained.ts';
import { finishInGuest } from './foreign.ts';
import { keepKernel } from './kernel.ts';
import { IMAGE_KINDS, type ImageKind, mmdebstrapArguments, recipeDigest, runsHere } from './recipe.ts';
import { type BaseRecord, readBase } from './record.ts';

/** Measured for bookworm: 440 and 149 MiB of roots, 100 MiB of packages, twice while tar runs. */
const WORK_MEMORY_MIB = 1800;
const WORK_DISK_MIB = 1500;

/** mmdebstrap's messages that tell a person something. */
const STEPS = /^(running apt-get update|downloading|extracting|installing|cleaning|creating)/;

/** Where a base comes from: only this much of the private apt root is needed. */
export interface BaseSources {
  /** deb822 sources with their keys. */
  readonly sourcesFile: string;
  /** Configuration for `APT_CONFIG`: proxies and certificates of the host. */
  readonly configFile: string;
  /** The operator's settings of the suite. */
  readonly settings: SuiteSettings;
}

/**
 * Makes what all images of a target come from: the roots of both kinds, kernel, modules and busybox, as a folder of
 * `state.images/bases`. Works in the memory folder and renames at the end; the caller holds the images' lock.
 * RennetError `no-space`, `image-failed`, `cancelled`.
 */
export async function makeBase(
  target: Target,
  ports: { state: StateFolder; apt: BaseSources; progress: Progress },
  signal: AbortSignal,
): Promise<BaseRecord> {
  const { state, progress } = ports;
  // Told before anything is downloaded.
  if (!runsHere(target)) await findQemu(state, machineArchitecture(target));
  await ensureMemoryFolder(state);
  await requireSpace(state.memory, WORK_MEMORY_MIB, 'Making the images');
  const scratch = join(state.memory, 'making');
  const folder = join(state.images, 'bases', 'making');
  await clearMaking(state);
  await mkdir(join(scratch, 'debs'), { recursive: true });
  await mkdir(folder, { recursive: true });
  await requireSpace(folder, WORK_DISK_MIB, 'Making the images');
  try {
    const options = await aptOptions(ports.apt.configFile);
    await Promise.all(
      IMAGE_KINDS.map((kind) =>
        bootstrap(kind, { target, folder, scratch, options, apt: ports.apt, progress }, signal),
      ),
    );
    progress({ doing: 'unpacking the kernel' });
    const kernelVersion = await keepKernel(scratch, folder, signal);
    if (!runsHere(target))
      for (const kind of IMAGE_KINDS)
        await finishInGuest(
          {
            kind,
            target,
            archive: join(folder, `${kind}.tar`),
            debs: join(scratch, 'debs', kind, 'archives'),
            base: folder,
            scratch: join(folder, 'scratch'),
            spool: join(folder, 'scratch', 'spool'),
          },
          state,
          progress,
          signal,
        );
    const record = await describe(target, ports.apt.settings, folder, kernelVersion);
    const final = join(state.images, 'bases', record.digest);
    await rm(final, { recursive: true, force: true });
    await rename(folder, final);
    return await readBase(final);
  } finally {
    await clearMaking(state);
  }
}

/** Removes what a making that was killed left behind. */
export async function clearMaking(state: StateFolder): Promise<void> {
  for (const folder of [join(state.memory, 'making'), join(state.images, 'bases', 'making')]) {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Work {
  readonly target: Target;
  readonly folder: string;
  readonly scratch: string;
  readonly options: readonly string[];
  readonly apt: BaseSources;
  readonly progress: Progress;
}

async function bootstrap(kind: ImageKind, work: Work, signal: AbortSignal): Promise<void> {
  const { target, scratch, progress } = work;
  const command = [
    'mmdebstrap',
    mmdebstrapMode(),
    ...mmdebstrapArguments(kind, target, work.apt.settings, join(scratch, 'debs'), work.options),
    join(work.folder, `${kind}.tar`),
    work.apt.sourcesFile,
  ];
  const [file, args] = contained(command);
  const child = execa(file, args, {
    stdin: 'ignore',
    env: { TMPDIR: scratch, LC_ALL: 'C.UTF-8' },
    cancelSignal: signal,
    reject: false,
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const tail: string[] = [];
  for await (const line of child.iterable({ from: 'stderr' })) {
    tail.push(line);
    if (tail.length > 12) tail.shift();
    const step = /^I: ([a-z].*?)\.*$/.exec(line)?.[1];
    if (step !== undefined && STEPS.test(step))
      progress({ doing: `${kind} image of ${formatTarget(target)}: ${step}` });
  }
  const result = await child;
  if (signal.aborted) throw new RennetError('cancelled', 'Making the images was stopped.');
  if (result.failed) {
    const why = tail.findLast((line) => /^(E|Err|error)\b/i.test(line)) ?? tail.at(-1) ?? result.shortMessage;
    throw new RennetError(
      'image-failed',
      `mmdebstrap could not make the ${kind} image of ${formatTarget(target)}: ${why}`,
      '',
      {
        cause: new Error(tail.join('\n')),
      },
    );
  }
}

/** Proxies, certificates and date checks of the host's apt, as options for mmdebstrap's own. */
export async function aptOptions(configFile: string): Promise<readonly string[]> {
  const { stdout } = await execa('apt-config', ['dump'], { env: { APT_CONFIG: configFile } });
  return stdout
    .split('\n')
    .filter((line) => /^Acquire::(https?(::|\s)|Check-|Max-ValidTime|Retries).* ".+";$/.test(line));
}

async function describe(
  target: Target,
  settings: SuiteSettings,
  folder: string,
  kernelVersion: string,
): Promise<BaseRecord> {
  const statuses: Partial<Record<ImageKind, string>> = {};
  const sha256: Record<string, string> = {};
  for (const kind of IMAGE_KINDS) {
    const { stdout } = await execa('tar', ['-xOf', join(folder, `${kind}.tar`), './var/lib/dpkg/status'], {
      stripFinalNewline: false,
    });
    statuses[kind] = stdout;
    await writeFile(join(folder, `${kind}.status`), stdout);
  }
  for (const name of (await readdir(folder, { recursive: true, withFileTypes: true })).filter((it) => it.isFile())) {
    const path = join(name.parentPath, name.name);
    sha256[path.slice(folder.length + 1)] = await sha256OfFile(path);
  }
  const recipe = recipeDigest(target, settings);
  const digest = createHash('sha256')
    .update(JSON.stringify([recipe, statuses, kernelVersion]))
    .digest('hex');
  const record = {
    format: 1 as const,
    digest,
    recipe,
    target,
    kernelVersion,
    madeAt: new Date().toISOString(),
    sha256,
  };
  await writeFile(join(folder, 'base.json'), JSON.stringify(record, null, 2));
  return { ...record, folder };
}
