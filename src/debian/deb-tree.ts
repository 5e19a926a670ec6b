import { RennetError } from '../model/errors.ts';
import type { AdmittedFile } from '../model/evidence.ts';

/** A symbolic link that Rennet itself makes. */
export interface DebLink {
  /** Absolute path in the package. */
  readonly path: string;
  /** As stored: relative or absolute. */
  readonly target: string;
}

export type TreeEntry =
  | { readonly type: 'folder'; readonly name: string }
  | { readonly type: 'link'; readonly name: string; readonly target: string }
  | { readonly type: 'file'; readonly name: string; readonly file: AdmittedFile };

interface Tree {
  /** Parents first, then by bytes of the name. */
  readonly entries: readonly TreeEntry[];
  readonly installedSizeKiB: number;
}

/**
 * Orders files and links with their parent folders. The names were admitted before; this last look makes sure that
 * no mistake further up becomes a file outside of the package.
 * Errors: `defect` for relative, unclean or doubled paths and for a file that is also a folder.
 */
export function layOutTree(files: readonly AdmittedFile[], links: readonly DebLink[]): Tree {
  const entries = new Map<string, TreeEntry>([['', { type: 'folder', name: './' }]]);
  const add = (path: string, entry: TreeEntry): void => {
    checkPath(path);
    if (entries.has(path)) throw defect(path, 'is there twice');
    entries.set(path, entry);
  };
  for (const file of files) add(file.path, { type: 'file', name: `.${file.path}`, file });
  for (const link of links) {
    if (!/^[^\p{Cc}]+$/u.test(link.target)) throw defect(link.path, 'is a link with an unclean target');
    add(link.path, { type: 'link', name: `.${link.path}`, target: link.target });
  }
  for (const path of entries.keys()) {
    for (const parent of parentsOf(path)) {
      const present = entries.get(parent);
      if (present && present.type !== 'folder') throw defect(parent, 'is a folder and a file');
      if (!present) entries.set(parent, { type: 'folder', name: `.${parent}/` });
    }
  }
  const sorted = [...entries].map(([path, entry]) => ({ key: Buffer.from(path), entry }));
  sorted.sort((a, b) => Buffer.compare(a.key, b.key));
  return { entries: sorted.map(({ entry }) => entry), installedSizeKiB: sizeOf(entries.values()) };
}

/** Installed-Size in KiB as policy 5.6.20 has it: each file rounded up, one for every folder and link. */
export function installedSizeKiB(files: readonly AdmittedFile[], links: readonly DebLink[]): number {
  return layOutTree(files, links).installedSizeKiB;
}

function sizeOf(entries: Iterable<TreeEntry>): number {
  let size = 0;
  for (const entry of entries) size += entry.type === 'file' ? Math.ceil(entry.file.bytes / 1024) : 1;
  return size;
}

function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.slice(1).map((_, index) => parts.slice(0, index + 2).join('/'));
}

function checkPath(path: string): void {
  const parts = path.split('/').slice(1);
  const clean = path.startsWith('/') && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!clean || /\p{Cc}/u.test(path) || !path.isWellFormed()) throw defect(path, 'is no clean absolute path');
}

function defect(path: string, why: string): RennetError {
  return new RennetError('defect', `The package tree is wrong: ${JSON.stringify(path.slice(0, 200))} ${why}.`);
}
