import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
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

/** Removes what belongs to us and to a process that is no more; `pattern` captures the process id in the name. */
export async function removeLeftovers(parent: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    const owner = pattern.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.uid === process.getuid?.()) await rm(path, { recursive: true, force: true });
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
