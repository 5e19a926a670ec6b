import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INPUT_DISK_BYTES } from './arguments.ts';

/** An empty disk of the size that every input disk has, for a guest that gets no job. A hole: it takes no space. */
export async function makePlaceholder(folder: string): Promise<string> {
  const path = join(folder, 'placeholder');
  await writeFile(path, '');
  await truncate(path, INPUT_DISK_BYTES);
  return path;
}
