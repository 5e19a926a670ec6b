import { readFile, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { sha256OfFile } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { checkWithApt } from './apt-check.ts';
import { makeReadableFolder, placeBlob, writeDurably } from './durable.ts';
import { noteRetirement, removeForgotten } from './generations.ts';
import { type ArchiveRow, newestRows, packagesText, requirePlace } from './packages-index.ts';
import {
  type IndexFile,
  type PublishedRelease,
  byHashName,
  indexFile,
  readRelease,
  releaseText,
} from './release-file.ts';
import { clearSign, ensureSigningKey } from './signing-key.ts';

export type { ArchiveRow } from './packages-index.ts';

/** The steps in order; each leaves an archive that apt reads without error, and only `flip` changes what it says. */
export type PublishStep = 'pool' | 'by-hash' | 'sign' | 'check' | 'retire' | 'names' | 'flip' | 'clean';

export interface PublishInput {
  readonly state: StateFolder;
  readonly suite: string;
  /** Without `all`; architectures that were published before stay. */
  readonly architectures: readonly string[];
  /** All that the suite shall hold. A row that is missing is taken out; its file stays in the pool. */
  readonly rows: readonly ArchiveRow[];
  readonly now: Date;
  /** Days until apt refuses the index as too old; 365 when absent. A farm that publishes all day sets fewer. */
  readonly validDays?: number;
  /** Called when a step is done. */
  readonly onStep?: (step: PublishStep) => void;
}

export interface Publication {
  /** Names the generation: the first 16 hex digits of its InRelease's sha256. */
  readonly generation: string;
  /** Files that were written, below the archive folder. */
  readonly changedFiles: readonly string[];
}

/**
 * Publishes one suite. The caller holds the suite's lock. The order makes `InRelease`, put in place by rename, the one commit point: new pool files
 * and by-hash files are named by nothing that is published, so a kill at any line leaves the old generation whole, and the
 * next publication goes on from what is there (by-hash names are content, equal pool files are kept).
 * Errors: `publish-refused` for rows that may not be published, or an index that apt does not read as it was meant;
 * `no-space`, `state-unwritable`, `signing-failed`, `missing-tool`, `cancelled`. After any of them the old generation is published.
 */
export async function publishArchive(input: PublishInput, signal: AbortSignal): Promise<Publication> {
  const { state, suite, now } = input;
  if (!/^[a-z][a-z0-9-]*$/.test(suite)) throw new RennetError('bad-target', `${JSON.stringify(suite)} is no suite.`);
  const done = (step: PublishStep): void => {
    stopWhenAborted(signal);
    input.onStep?.(step);
  };
  const changedFiles: string[] = [];
  const folder = join(state.archive, 'dists', suite);
  await makeReadableFolder(folder);
  const key = await ensureSigningKey(state, signal);
  const old = await readPublished(folder);
  const architectures = [
    ...new Set([...input.architectures, ...input.rows.map((row) => row.architecture), ...old.architectures]),
  ]
    .filter((name) => name !== 'all')
    .sort();

  // The indexes first: rows that may not be published are found before anything is written.
  const listed = ['all', ...architectures].map((name) => ({ name, rows: newestRows(input.rows, name) }));
  const files = (await Promise.all(listed.map(({ name, rows }) => indexFiles(name, packagesText(rows))))).flat();
  changedFiles.push(...(await fillPool(state, input.rows, signal)));
  done('pool');
  const byHash = files.map((file) => byHashName(file.name, file.sha256));
  for (const [index, file] of files.entries()) await putIndex(join(folder, byHash[index] ?? ''), file);
  done('by-hash');

  const date = releaseDate(now, old);
  const validUntil = new Date(date.getTime() + (input.validDays ?? 365) * 24 * 3600 * 1000);
  const inRelease = await clearSign(
    state,
    key,
    releaseText(suite, ['all', ...architectures], files, date, validUntil),
    signal,
  );
  done('sign');
  const names = new Set(listed.flatMap(({ rows }) => rows.map((row) => row.package)));
  await checkWithApt({ state, suite, architectures, inRelease, names }, signal);
  done('check');

  if (old.generation !== '') await noteRetirement(folder, old.generation, old.byHash, now);
  done('retire');
  for (const file of files) {
    if (await putIndex(join(folder, file.name), file)) changedFiles.push(`dists/${suite}/${file.name}`);
  }
  done('names');
  await writeDurably(join(folder, 'InRelease'), inRelease, releaseMtime(now, old));
  changedFiles.push(`dists/${suite}/InRelease`);
  input.onStep?.('flip');
  await removeForgotten(folder, byHash, now);
  input.onStep?.('clean');
  return { generation: generationOf(inRelease), changedFiles };
}

async function indexFiles(architecture: string, text: string): Promise<IndexFile[]> {
  const plain = Buffer.from(text);
  const [gz, zst] = await Promise.all([promisify(gzip)(plain, { level: 9 }), promisify(zstdCompress)(plain)]);
  const name = `main/binary-${architecture}/Packages`;
  return [indexFile(name, plain), indexFile(`${name}.gz`, gz), indexFile(`${name}.zst`, zst)];
}

/** Puts the files that are not there yet (or are damaged) into the pool, each checked against its hash first. */
async function fillPool(state: StateFolder, rows: readonly ArchiveRow[], signal: AbortSignal): Promise<string[]> {
  const placed: string[] = [];
  for (const row of rows) {
    requirePlace(row);
    const path = join(state.archive, row.pool);
    if (await isInPool(path, row)) continue;
    stopWhenAborted(signal);
    if (!(await hasContent(row.blob, row))) {
      throw new RennetError(
        'publish-refused',
        `The stored file of ${row.package} ${row.version} is missing or damaged; the archive was not changed.`,
        `Take it out with "rennet remove ${row.package}" and build it again.`,
      );
    }
    await placeBlob(row.blob, path);
    placed.push(row.pool);
  }
  return placed;
}

/** A link to the blob needs no look at its content. */
async function isInPool(path: string, row: ArchiveRow): Promise<boolean> {
  const [there, blob] = await Promise.all([statOf(path), statOf(row.blob)]);
  if (there?.size !== row.bytes) return false;
  return (there.ino === blob?.ino && there.dev === blob.dev) || (await hasContent(path, row));
}

/** True when the file was not there with this content. */
async function putIndex(path: string, file: IndexFile): Promise<boolean> {
  if (await hasContent(path, file)) return false;
  await writeDurably(path, file.content);
  return true;
}

interface OldGeneration extends PublishedRelease {
  /** Empty before the first. */
  readonly generation: string;
  /** Seconds since 1970. */
  readonly mtime: number;
}

async function readPublished(folder: string): Promise<OldGeneration> {
  const path = join(folder, 'InRelease');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text === '') return { ...readRelease(''), generation: '', mtime: 0 };
  return { ...readRelease(text), generation: generationOf(text), mtime: Math.floor((await stat(path)).mtimeMs / 1000) };
}

/**
 * A minute back: apt refuses a date more than 10 s in its future, and clocks differ. Never before the last one, which apt takes
 * for a roll-back, unless that one lies in the future after a wrong clock.
 */
function releaseDate(now: Date, old: OldGeneration): Date {
  const date = now.getTime() - 60_000;
  return new Date(old.date > date && old.date <= now.getTime() ? old.date : date);
}

/** apt asks for InRelease with If-Modified-Since in whole seconds: two generations never have the same one. */
function releaseMtime(now: Date, old: OldGeneration): number {
  const seconds = Math.floor(now.getTime() / 1000);
  return old.mtime >= seconds && old.mtime < seconds + 3600 ? old.mtime + 1 : seconds;
}

function stopWhenAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new RennetError('cancelled', 'Publishing was cancelled; the archive is as it was.');
}

function generationOf(inRelease: string): string {
  return createHash('sha256').update(inRelease).digest('hex').slice(0, 16);
}

async function hasContent(path: string, wanted: { sha256: string; bytes: number }): Promise<boolean> {
  return (await statOf(path))?.size === wanted.bytes && (await sha256OfFile(path)) === wanted.sha256;
}

async function statOf(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}
