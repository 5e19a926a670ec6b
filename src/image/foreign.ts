import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { createDriver } from '../machine/create.ts';
import { RennetError } from '../model/errors.ts';
import type { GuestLimits, Image } from '../model/machine.ts';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import { formatTarget, type Target } from '../model/target.ts';
import { makeDisk, makeInitrd, unpackRoot } from './derive.ts';
import { plainText } from '../model/text.ts';
import { CLEAN, type ImageKind } from './recipe.ts';

const MIB = 1024 * 1024;
/** Measured under TCG: 10 minutes for both images on a loaded host; unpacking and certificates take most of it. */
const LIMITS: GuestLimits = {
  wallMs: 60 * 60_000,
  idleMs: 20 * 60_000,
  memoryMiB: 1280,
  cpus: 1,
  outputBytes: 1536 * MIB,
  logBytes: 32 * MIB,
  outputFiles: 1,
  processes: 512,
};
const failedFacts = z.object({ step: z.string().max(40), message: z.string().max(500) });

export interface ForeignRoot {
  readonly kind: ImageKind;
  readonly target: Target;
  /** The root as mmdebstrap unpacked it, nothing configured; replaced by the finished one. */
  readonly archive: string;
  /** Folder with its packages. */
  readonly debs: string;
  /** Folder with vmlinuz, busybox and modules. */
  readonly base: string;
  /** Two folders that are not there yet, on disk: memory is for the guest. The first one is removed in the end. */
  readonly scratch: string;
  readonly spool: string;
}

/**
 * Finishes a root for a processor that this host does not have: a guest of that processor, which starts from the unpacked root, installs
 * the packages, and gives the root back. Nothing of the host (binfmt_misc, qemu-user) is touched or needed.
 * RennetError `missing-tool`, `image-failed`, `no-memory`, `cancelled`.
 */
export async function finishInGuest(
  work: ForeignRoot,
  state: StateFolder,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { kind, target, archive, base, scratch, spool } = work;
  const [root, input] = [join(scratch, 'root'), join(scratch, 'in')];
  for (const folder of [root, input, spool]) await mkdir(folder, { recursive: true });
  await unpackRoot(archive, root, kind, signal);
  const disk = join(scratch, 'root.ext4');
  await makeDisk(root, disk, signal);
  await rm(root, { recursive: true, force: true });
  const initrd = join(scratch, 'initrd');
  await writeFile(initrd, await makeInitrd(base));
  await cp(work.debs, join(input, 'debs'), {
    recursive: true,
    filter: (path) => path === work.debs || path.endsWith('.deb'),
  });
  await rm(work.debs, { recursive: true, force: true });
  const id = `image-${kind}`;
  await writeFile(join(input, 'job.json'), JSON.stringify({ protocol: 1, id, kind: 'root', clean: CLEAN }));
  const image: Image = {
    digest: id,
    kind,
    target,
    disk,
    folder: root,
    kernel: join(base, 'vmlinuz'),
    initrd,
    packages: [],
    dpkgStatus: '',
  };
  const driver = createDriver('qemu', { state, progress });
  try {
    progress({ doing: `installing the ${kind} image of ${formatTarget(target)} in a guest of its own processor` });
    const report = await driver.run({ id, image, reset: 'overlay', input, spool, limits: LIMITS }, signal);
    if (signal.aborted) throw new RennetError('cancelled', 'Making the images was stopped.');
    if (report.result?.status !== 'ok') {
      const facts = failedFacts.safeParse(report.result?.facts);
      const why = facts.success ? `${facts.data.step}: ${facts.data.message}` : report.sentence;
      throw new RennetError(
        'image-failed',
        `The ${kind} image of ${formatTarget(target)} could not be installed in its guest: ${plainText(why)}`,
      );
    }
    await takeRoot(report.output, archive, signal);
  } finally {
    await driver.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The one file of the output stream becomes the root's archive. */
async function takeRoot(output: string, archive: string, signal: AbortSignal): Promise<void> {
  const done = await execa('tar', ['--extract', '--to-stdout', '--file', output, 'root.tar'], {
    stdin: 'ignore',
    stdout: { file: archive },
    // Half a gigabyte is no string.
    buffer: false,
    cancelSignal: signal,
    reject: false,
  });
  if (signal.aborted) throw new RennetError('cancelled', 'Making the images was stopped.');
  if (done.failed) throw new RennetError('image-failed', `The guest's root cannot be taken: ${done.shortMessage}`);
}
