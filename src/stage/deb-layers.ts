import { execa } from 'execa';
import { cp, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deb } from '../debian/apt.ts';
import { type Alternative, readAlternatives } from './alternatives.ts';
import { copyTrees, ensureFolder, exists, run } from './folders.ts';

/** An official package as it lies unpacked in the cache. */
export interface UnpackedDeb {
  readonly deb: Deb;
  /** Its files as a root tree, /bin and /lib moved below /usr. */
  readonly tree: string;
  /** Its control stanza. */
  readonly control: string;
  /** Paths as dpkg lists them, one a line. */
  readonly list: string;
  readonly alternatives: readonly Alternative[];
}

/** On every served suite these are links into /usr; a layer that has them as folders would hide all of the base's programs and libraries. */
const MERGED = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** As in the images: no job reads it. */
const UNNEEDED = ['doc', 'man', 'info', 'locale'];

/**
 * Unpacks official packages (trusted: apt checked them) without running anything of theirs, once for each sha256. `python` is the target's version: where
 * the host has the same interpreter, modules are compiled, which saves seconds in an emulated guest. Safe for several processes at once.
 */
export async function unpackDebs(
  debs: readonly Deb[],
  paths: readonly string[],
  cacheFolder: string,
  python: string,
  signal: AbortSignal,
): Promise<UnpackedDeb[]> {
  const layers = join(cacheFolder, 'layers');
  const unpacked: UnpackedDeb[] = [];
  for (const [index, deb] of debs.entries()) {
    signal.throwIfAborted();
    const place = join(layers, `deb-${deb.sha256}`);
    const path = paths[index] ?? '';
    await ensureFolder(place, (scratch) => unpackDeb(path, scratch, python, signal), signal);
    const control = await readFile(join(place, 'control/control'), 'utf8');
    const list = await readFile(join(place, 'list'), 'utf8');
    const script = await readFile(join(place, 'control/postinst'), 'utf8').catch(() => '');
    unpacked.push({ deb, tree: join(place, 'tree'), control, list, alternatives: readAlternatives(script) });
  }
  return unpacked;
}

async function unpackDeb(path: string, scratch: string, python: string, signal: AbortSignal): Promise<void> {
  const tree = join(scratch, 'tree');
  const names = await run('dpkg-deb', ['--vextract', path, tree], signal);
  await run('dpkg-deb', ['--control', path, join(scratch, 'control')], signal);
  const list = names.split('\n').map((name) => name.replace(/^\.?\//, '/').replace(/(?<=.)\/$/, ''));
  await writeFile(join(scratch, 'list'), `${list.map((name) => (name === '/' ? '/.' : name)).join('\n')}\n`);
  await mergeUsr(tree);
  for (const name of UNNEEDED) await rm(join(tree, 'usr/share', name), { recursive: true, force: true });
  // Nothing in the state folder may be a way to root; no job needs it.
  await run('chmod', ['--recursive', 'ug-s', tree], signal);
  await compileModules(tree, python, signal);
}

async function mergeUsr(tree: string): Promise<void> {
  for (const name of MERGED) {
    const folder = join(tree, name);
    const found = await lstat(folder).catch(() => undefined);
    if (!found) continue;
    if (found.isDirectory()) {
      await cp(folder, join(tree, 'usr', name), { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    }
    await rm(folder, { recursive: true, force: true });
  }
}

/** Byte code that is valid whatever the files' times become on their way into the guest; a module that does not compile stays as it is. */
async function compileModules(tree: string, python: string, signal: AbortSignal): Promise<void> {
  const interpreter = `/usr/bin/python${python}`;
  const modules = join(tree, 'usr/lib/python3/dist-packages');
  if (!(await exists(modules)) || !(await exists(interpreter))) return;
  const options = ['-qq', '--invalidation-mode', 'unchecked-hash', '-s', tree, '-p', '/'];
  await execa(interpreter, ['-I', '-m', 'compileall', ...options, modules], { reject: false, cancelSignal: signal });
}

/** Joins unpacked packages into one layer: hard links where the file system allows, so that nothing is copied. */
export async function joinDebs(unpacked: readonly UnpackedDeb[], layer: string, signal: AbortSignal): Promise<void> {
  await mkdir(layer, { recursive: true });
  if (unpacked.length === 0) return;
  await copyTrees(
    unpacked.map(({ tree }) => tree),
    layer,
    signal,
  );
  const best = new Map<string, Alternative>();
  for (const alternative of unpacked.flatMap(({ alternatives }) => alternatives)) {
    const before = best.get(alternative.link);
    if (!before || alternative.priority > before.priority) best.set(alternative.link, alternative);
  }
  for (const { link, name, path } of best.values()) {
    await makeLink(layer, link.replace(/^\/(?=(?:s?bin|lib\w*)\/)/, '/usr/'), `/etc/alternatives/${name}`);
    await makeLink(layer, `/etc/alternatives/${name}`, path);
  }
}

/** Follows no link of the layer: one that leads out of it would put the new link on the host. */
async function makeLink(layer: string, place: string, target: string): Promise<void> {
  const folders = place.split('/').filter((part) => part !== '');
  const name = folders.pop() ?? '';
  let folder = layer;
  for (const part of folders) {
    folder = join(folder, part);
    const found = await lstat(folder).catch(() => undefined);
    if (!found) await mkdir(folder);
    else if (!found.isDirectory()) return;
  }
  await symlink(target, join(folder, name)).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
}
