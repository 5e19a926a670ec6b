import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CoreMetadata } from '../../model/release.ts';
import type { Recipe } from '../../model/recipe.ts';
import type { AdmittedTree } from '../admitted-tree.ts';

export const METADATA: CoreMetadata = {
  metadataVersion: '2.1',
  name: 'curd',
  version: '1.0',
  projectUrls: [],
  licenseFiles: [],
  classifiers: [],
  requiresDist: [],
  providesExtra: [],
  dynamic: [],
};

export const RECIPE: Recipe = {
  project: 'curd',
  version: '1.0',
  target: { suite: 'bookworm', architecture: 'amd64', python: '3.11', pythonFull: '3.11.2', suiteTag: 'deb12' },
  source: {
    filename: 'curd-1.0.tar.gz',
    url: 'https://index.example.org/curd-1.0.tar.gz',
    kind: 'sdist',
    uploadedAt: '2024-05-06T07:08:09Z',
  },
  package: 'python3-curd',
  upstreamVersion: '1.0',
  expectsExtension: false,
  forceOfficial: false,
};

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
    ownedModules: ['curd'],
    metadata: METADATA,
    licences: [],
    hasElf: false,
    pythonBound: 'none',
    sharedLibraries: [],
    ledger: [],
    ...facts,
  };
}
