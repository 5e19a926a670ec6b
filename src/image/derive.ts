import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { sha256OfFile } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import { DISK_ROOM_MIB, type InstalledPackage } from '../model/machine.ts';
import type { StateFolder } from '../model/state.ts';
import { installAgent, readInit } from './agent.ts';
import { asRootOfFiles, tarOwnership } from './contained.ts';
import { writeInitrd } from './initrd.ts';
import { memoryPlace } from './place.ts';
import type { ImageKind } from './recipe.ts';
import { type BaseRecord, type ImageRecord, readImage } from './record.ts';

/** What a guest may write to a disk of its own (reset strategies copy and delta). */
const ROOM = { bytes: DISK_ROOM_MIB * 1024 * 1024, files: 200_000 };

/**
 * Makes an image from a base: the root with our agent in it as an ext4 file, and the initrd. Takes about 3 s and asks no mirror,
 * so a new agent costs no new base. The unpacked root stays in memory as the image's folder. The caller holds the images' lock.
 */
export async function deriveImage(
  kind: ImageKind,
  base: BaseRecord,
  agent: string,
  state: StateFolder,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const root = join(state.memory, 'images', `making-${kind}`, 'root');
  const folder = join(state.images, `making-${kind}`);
  try {
    for (const path of [root, folder]) {
      await removeRoot(path);
      await mkdir(path, { recursive: true });
    }
    await unpackRoot(join(base.folder, `${kind}.tar`), root, kind, signal);
    await makeDisk(root, join(folder, 'root.ext4'), signal);
    await writeFile(join(folder, 'initrd'), await makeInitrd(base.folder));
    await copyFile(join(base.folder, 'vmlinuz'), join(folder, 'vmlinuz'));
    await copyFile(join(base.folder, `${kind}.status`), join(folder, 'status'));
    const record = await describe(kind, base, agent, folder);
    await writeFile(join(folder, 'image.json'), JSON.stringify(record, null, 2));
    const place = memoryPlace(state, record.digest);
    await mkdir(place.folder, { recursive: true });
    await removeRoot(place.root);
    await rename(root, place.root);
    const final = join(state.images, record.digest);
    await rm(final, { recursive: true, force: true });
    await rename(folder, final);
    return await readImage(final);
  } finally {
    await removeRoot(join(root, '..'));
    await rm(folder, { recursive: true, force: true });
  }
}

/** Unpacks the root of a base into an empty folder and puts the agent into it. */
export async function unpackRoot(archive: string, root: string, kind: ImageKind, signal: AbortSignal): Promise<void> {
  // Device nodes of /dev belong to the driver that runs the root.
  await run(['tar', '-xpf', archive, tarOwnership(), '--exclude=./dev/*', '-C', root], signal);
  await installAgent(root, kind);
}

/** Removes an unpacked root, where there is one. */
export async function removeRoot(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Writes an unpacked root as an ext4 file. */
export async function makeDisk(root: string, disk: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await execa('du', ['--summarize', '--block-size=1', root]);
  const { stdout: files } = await execa('du', ['--summarize', '--inodes', root]);
  const inodes = Math.ceil(Number(files.split('\t')[0]) * 1.02) + ROOM.files;
  // A hundredth for the file system's own tables, a 256-byte inode for each file. The room is a hole and takes no space.
  const bytes = Math.ceil(Number(stdout.split('\t')[0]) * 1.02) + inodes * 512 + ROOM.bytes;
  await writeFile(disk, '');
  await truncate(disk, Math.ceil(bytes / 4096) * 4096);
  // No journal and no checksums: the disk is mounted read-only or thrown away, and the image is verified as a whole.
  const features = ['-O', '^has_journal,^metadata_csum,^resize_inode', '-m', '0', '-N', String(inodes)];
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', ...features, '-d', root, disk], signal);
}

/** The initrd of a base. */
export async function makeInitrd(base: string): Promise<Buffer> {
  const files = (await readdir(join(base, 'modules'))).toSorted();
  const modules = await Promise.all(
    files.map(async (name) => ({
      name: name.replace(/^\d+-/, '').replace(/\.ko$/, ''),
      content: await readFile(join(base, 'modules', name)),
    })),
  );
  return writeInitrd({ busybox: await readFile(join(base, 'busybox')), modules, init: await readInit() });
}

async function describe(kind: ImageKind, base: BaseRecord, agent: string, folder: string) {
  const sha256: Record<string, string> = {};
  for (const name of ['root.ext4', 'initrd', 'vmlinuz', 'status'])
    sha256[name] = await sha256OfFile(join(folder, name));
  return {
    format: 1 as const,
    // The bytes are part of the name: a template of one image must never meet the disk of another.
    digest: createHash('sha256')
      .update(JSON.stringify([kind, base.digest, agent, sha256]))
      .digest('hex'),
    kind,
    target: base.target,
    base: base.digest,
    agent,
    kernelVersion: base.kernelVersion,
    madeAt: new Date().toISOString(),
    packages: installedPackages(await readFile(join(folder, 'status'), 'utf8')),
    sha256,
  };
}

/** The installed packages of a dpkg status file. Pure. */
export function installedPackages(status: string): InstalledPackage[] {
  return status.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
    return field('Status') === 'install ok installed'
      ? [{ package: field('Package'), version: field('Version'), architecture: field('Architecture') }]
      : [];
  });
}

async function run(command: readonly string[], signal: AbortSignal): Promise<void> {
  const [file = '', ...args] = asRootOfFiles(command);
  try {
    await execa(file, args, { cancelSignal: signal, stdin: 'ignore' });
  } catch (error) {
    if (signal.aborted) throw new RennetError('cancelled', 'Making the images was stopped.');
    throw new RennetError('image-failed', `${command[0]} failed while making an image: ${reasonOf(error)}`, '', {
      cause: error,
    });
  }
}

/** The last line that a command said, else what the system said of it. */
function reasonOf(error: unknown): string {
  const { stderr, shortMessage } = error as { stderr?: unknown; shortMessage?: string };
  const said = typeof stderr === 'string' ? stderr.trim().split('\n').at(-1) : '';
  return said || (shortMessage ?? String(error));
}
