import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives `act` an empty folder of mode 0700 below `parent`, and removes it afterwards. Folders of this name that a killed
 * process left there are removed first.
 */
export async function withScratch<T>(parent: string, name: string, act: (folder: string) => Promise<T>): Promise<T> {
  await removeLeftovers(parent, new RegExp(`^${name}-(\\d+)-[A-Za-z0-9]{6}$`));
  const folder = await mkdtemp(join(parent, `${name}-${process.pid}-`));
  try {
    return await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes files and folders of ours whose process is no more; `pattern` captures its id in the name. Links may be anybody's trap. */
export async function removeLeftovers(parent: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const owner = pattern.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const path = join(parent, name);
    const found = await lstat(path).catch(() => undefined);
    const isReal = found?.isDirectory() === true || found?.isFile() === true;
    if (isReal && found.uid === process.geteuid?.()) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
