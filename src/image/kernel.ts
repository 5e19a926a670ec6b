import { copyFile, glob, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';
import { readModules } from './modules.ts';

/**
 * Puts kernel, modules and busybox of the packages in `scratch/debs/rennet-debs` into a base's folder; gives the kernel's version.
 * RennetError `image-failed` where something is missing in them.
 */
export async function keepKernel(scratch: string, folder: string, signal: AbortSignal): Promise<string> {
  const unpacked = join(scratch, 'kernel');
  const debs = join(scratch, 'debs/rennet-debs');
  for (const name of await readdir(debs)) {
    await execa('dpkg-deb', ['--extract', join(debs, name), unpacked], { cancelSignal: signal });
  }
  const find = (pattern: string): Promise<string[]> => Array.fromAsync(glob(pattern, { cwd: unpacked }));
  const [kernel] = await find('boot/vmlinuz-*');
  const [builtin] = await find('{usr/,}lib/modules/*/modules.builtin');
  if (kernel === undefined || builtin === undefined) {
    throw new RennetError('image-failed', 'The kernel package holds no kernel or no list of its modules.');
  }
  await copyFile(join(unpacked, kernel), join(folder, 'vmlinuz'));
  const [busybox] = await find('{usr/,}bin/busybox');
  await copyFile(join(unpacked, busybox ?? 'bin/busybox'), join(folder, 'busybox'));
  const files = (await find('{usr/,}lib/modules/*/kernel/**/*.ko*')).map((path) => join(unpacked, path));
  const modules = await readModules(files, (await readFile(join(unpacked, builtin), 'utf8')).trim().split('\n'));
  await mkdir(join(folder, 'modules'));
  for (const [index, module] of modules.entries()) {
    await writeFile(join(folder, 'modules', `${String(index).padStart(2, '0')}-${module.name}.ko`), module.content);
  }
  return kernel.replace('boot/vmlinuz-', '');
}
