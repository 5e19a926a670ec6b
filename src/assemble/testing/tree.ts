import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { METADATA } from '../../model/testing/curd.ts';
import type { AdmittedTree } from '../admitted-tree.ts';

/** An admitted tree of files with made-up content below `folder`. */
export async function treeOf(
  folder: string,
  contents: Readonly<Record<string, string | Uint8Array>>,
  facts: Partial<AdmittedTree> = {},
): Promise<AdmittedTree> {
  const files = await Promise.all(
    Object.entries(contents).map(async ([path, text], index) => {
      const bytes = Buffer.from(text as Uint8Array);
      const content = join(folder, `content-${index}`);
      await writeFile(content, bytes);
      const mode = path.startsWith('/usr/bin/') ? (0o755 as const) : (0o644 as const);
      return { path, mode, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), content };
    }),
  );
  return {
    files,
    programs: Object.keys(contents).filter((path) => path.startsWith('/usr/bin/')),
    modules: ['curd'],
    claims: ['curd'],
    metadata: METADATA,
    licences: [],
    hasElf: false,
    pythonBound: 'none',
    sharedLibraries: [],
    ledger: [],
    ...facts,
  };
}
