import { createHash } from 'node:crypto';
import { chmod, copyFile, glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IMAGE_KINDS, WARM_PATHS, type ImageKind } from './recipe.ts';

const GUEST_FOLDER = fileURLToPath(new URL('../../guest', import.meta.url));

/** Digest of all that we ourselves put into images and initrd: the agent, init, and the list of files to keep warm. */
export async function agentDigest(): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(IMAGE_KINDS.map((kind) => WARM_PATHS[kind])));
  for (const name of [...(await agentFiles()), 'init']) {
    const content = await readFile(join(GUEST_FOLDER, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Copies the agent into an unpacked root, owned by whoever owns the root. */
export async function installAgent(root: string, kind: ImageKind): Promise<void> {
  const folder = join(root, 'usr/lib/rennet');
  await mkdir(folder, { recursive: true });
  for (const name of await agentFiles()) {
    await copyFile(join(GUEST_FOLDER, name), join(folder, name));
    await chmod(join(folder, name), 0o644);
  }
  await writeFile(join(folder, 'warm'), WARM_PATHS[kind].map((path) => `${path}\n`).join(''), { mode: 0o644 });
}

/** guest/init, the first program of the initrd. */
export function readInit(): Promise<Buffer> {
  return readFile(join(GUEST_FOLDER, 'init'));
}

async function agentFiles(): Promise<readonly string[]> {
  return (await Array.fromAsync(glob('*.{py,json}', { cwd: GUEST_FOLDER }))).toSorted();
}
