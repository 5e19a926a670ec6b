import { createHash } from 'node:crypto';

/** One index file: its name below the suite's folder, and its content. */
export interface IndexFile {
  /** `main/binary-amd64/Packages.gz` */
  readonly name: string;
  readonly content: Buffer;
  readonly bytes: number;
  readonly sha256: string;
}

export function indexFile(name: string, content: Buffer): IndexFile {
  return { name, content, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** Where the same content lies under its hash, below the suite's folder. */
export function byHashName(name: string, sha256: string): string {
  return `${name.slice(0, name.lastIndexOf('/'))}/by-hash/SHA256/${sha256}`;
}

/**
 * The text of Release. Origin, Label, Suite and Codename never change: apt-get update asks back when they do. NotAutomatic with
 * ButAutomaticUpgrades: our packages have priority 100, so that `apt install` and upgrades of ours work, and a package of the
 * distribution's (500) wins whatever the versions say (docs/decisions/0007-archive.md).
 */
export function releaseText(
  suite: string,
  architectures: readonly string[],
  files: readonly IndexFile[],
  date: Date,
  validUntil: Date,
): string {
  const lines = [
    'Origin: Rennet',
    'Label: Rennet',
    `Suite: ${suite}`,
    `Codename: ${suite}`,
    `Date: ${date.toUTCString()}`,
    `Valid-Until: ${validUntil.toUTCString()}`,
    'NotAutomatic: yes',
    'ButAutomaticUpgrades: yes',
    'Acquire-By-Hash: yes',
    `Architectures: ${architectures.join(' ')}`,
    'Components: main',
    'Description: Python projects as Debian packages, built automatically',
    'SHA256:',
    ...files.map((file) => ` ${file.sha256} ${String(file.bytes).padStart(10)} ${file.name}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** What is read back from a published InRelease. */
export interface PublishedRelease {
  /** Milliseconds since 1970; NaN where there is none. */
  readonly date: number;
  readonly architectures: readonly string[];
  /** by-hash names below the suite's folder. */
  readonly byHash: readonly string[];
}

/** Reads our own InRelease; tolerant, since it only decides what is kept. */
export function readRelease(text: string): PublishedRelease {
  const architectures = /^Architectures: (.*)$/m.exec(text)?.[1] ?? '';
  const files = [...text.matchAll(/^ ([0-9a-f]{64}) +\d+ ([A-Za-z0-9./-]+)$/gm)];
  return {
    date: Date.parse(/^Date: (.*)$/m.exec(text)?.[1] ?? ''),
    architectures: architectures.split(' ').filter((name) => name !== ''),
    byHash: files.map(([, sha256 = '', name = '']) => byHashName(name, sha256)),
  };
}
