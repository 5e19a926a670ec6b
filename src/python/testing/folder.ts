import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

/** A fresh folder for every test that asks, removed after it. */
export function testFolder(): { path(): Promise<string>; file(name: string, content: Uint8Array): Promise<string> } {
  let folder: string | undefined;
  afterEach(async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    folder = undefined;
  });
  const path = async () => (folder ??= await mkdtemp(join(tmpdir(), 'rennet-python-')));
  return {
    path,
    async file(name, content) {
      const file = join(await path(), name);
      await writeFile(file, content);
      return file;
    },
  };
}
