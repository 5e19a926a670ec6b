import { quoted } from '../model/text.ts';
import { basename } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { EntryPoints } from './entry-points.ts';
import { parseEntryPoints } from './entry-points.ts';
import type { ParsedMetadata } from './metadata.ts';
import { parseMetadata } from './metadata.ts';
import { normaliseProject } from '../model/project-name.ts';
import { parseFileName } from './name.ts';
import { canonicalVersion, compareVersions } from './version.ts';
import type { WheelTags } from './wheel-tags.ts';
import { badArchive } from './zip-entry.ts';
import type { ZipArchive, ZipCaps } from './zip.ts';
import { openZip } from './zip.ts';

/** An open wheel whose identity agrees everywhere: file name, `.dist-info` folder and METADATA. */
export interface Wheel {
  readonly zip: ZipArchive;
  /** Normalised. */
  readonly project: string;
  /** PEP 440 normal form, of the file name. */
  readonly version: string;
  readonly tags: WheelTags;
  /** `ftfy-6.3.1.dist-info` */
  readonly distInfo: string;
  /** `ftfy-6.3.1.data`, where the wheel has one. */
  readonly data?: string;
  readonly rootIsPurelib: boolean;
  readonly metadata: ParsedMetadata;
  readonly entryPoints: EntryPoints;
  /** RECORD: file → sha256 in hex, undefined where RECORD has none. Contents are not compared yet. */
  readonly record: ReadonlyMap<string, string | undefined>;
  /** One sentence for each thing that is odd but harmless. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

const METADATA_BYTES = 8 * 1024 * 1024;
const RECORD_BYTES = 32 * 1024 * 1024;

/**
 * Opens a wheel (PEP 427) from a hostile source and checks its bookkeeping: one `.dist-info` folder with WHEEL 1.x, METADATA
 * and a RECORD that lists every file. `filename` where the file on this host has another name.
 * Throws `bad-archive`, or `bad-metadata` where the texts inside are broken.
 */
export async function openWheel(path: string, filename = basename(path), caps?: ZipCaps): Promise<Wheel> {
  const name = parseFileName(filename.split('-')[0] ?? '', filename);
  if (name.kind !== 'wheel') {
    throw badArchive(`has the name ${quoted(filename)}, which is no wheel's: ${name.unreadable ?? 'it is an sdist'}`);
  }
  const project = normaliseProject(filename.split('-')[0] ?? '');
  const zip = await openZip(path, caps);
  try {
    const { distInfo, data } = findFolders(zip, project, name.version);
    const text = async (file: string, bytes: number) => (await zip.read(`${distInfo}/${file}`, bytes)).toString('utf8');
    const metadata = parseMetadata(await zip.read(`${distInfo}/METADATA`, METADATA_BYTES));
    checkIdentity(metadata, project, name.version);
    const header = readWheelFile(await text('WHEEL', 65_536));
    const record = readRecord(await text('RECORD', RECORD_BYTES));
    const notes = [...metadata.notes, ...checkRecord(zip, record, distInfo)];
    const hasEntryPoints = zip.entries.some((entry) => entry.name === `${distInfo}/entry_points.txt`);
    const entryPoints = parseEntryPoints(hasEntryPoints ? await text('entry_points.txt', METADATA_BYTES) : '');
    const { tags, version } = name;
    const close = () => zip.close();
    const facts = { project, version, tags, distInfo, ...(data !== undefined && { data }), metadata, entryPoints };
    return { zip, ...facts, rootIsPurelib: header.rootIsPurelib, record, notes, close };
  } catch (error) {
    await zip.close();
    throw error;
  }
}

/** Exactly one `.dist-info` and at most one `.data` at the top, both named after the wheel. */
function findFolders(zip: ZipArchive, project: string, version: string): { distInfo: string; data?: string } {
  const tops = new Set(
    [...zip.entries.map(({ name }) => name), ...zip.directories].map((name) => name.split('/')[0] ?? ''),
  );
  const [distInfo, ...more] = [...tops].filter((top) => top.endsWith('.dist-info'));
  if (distInfo === undefined || more.length > 0) {
    throw badArchive(`has ${distInfo === undefined ? 'no' : 'more than one'} .dist-info folder`);
  }
  const [data, ...others] = [...tops].filter((top) => top.endsWith('.data') && isNamedAfter(top, project, version));
  if (!isNamedAfter(distInfo, project, version))
    throw badArchive(`has the folder ${quoted(distInfo)} of another release`);
  if (others.length > 0) throw badArchive('has more than one .data folder');
  return { distInfo, ...(data !== undefined && { data }) };
}

function isNamedAfter(folder: string, project: string, version: string): boolean {
  const [, name, text] = /^([^-]+)-(.+)\.(?:dist-info|data)$/.exec(folder) ?? [];
  if (name === undefined || text === undefined || normaliseProject(name) !== project) return false;
  const canonical = canonicalVersion(text) ?? canonicalVersion(text.replaceAll('_', '-'));
  return canonical !== undefined && compareVersions(canonical, version) === 0;
}

function checkIdentity(metadata: ParsedMetadata, project: string, version: string): void {
  if (normaliseProject(metadata.name) === project && compareVersions(metadata.version, version) === 0) return;
  const inside = `${metadata.name} ${metadata.version}`;
  throw new RennetError('bad-metadata', `The wheel of ${project} ${version} says inside that it is ${inside}.`);
}

/** PEP 427: a reader refuses a greater major version. */
function readWheelFile(text: string): { rootIsPurelib: boolean } {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'im').exec(text)?.[1];
  if (!/^1\.[0-9]+$/.test(field('Wheel-Version') ?? '')) throw badArchive('is no wheel of version 1');
  return { rootIsPurelib: field('Root-Is-Purelib')?.toLowerCase() === 'true' };
}

/** RECORD is CSV: path, `algorithm=base64url` or nothing, size or nothing. */
function readRecord(text: string): Map<string, string | undefined> {
  const record = new Map<string, string | undefined>();
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const [, inQuotes, plain, hash] = /^(?:"((?:[^"]|"")*)"|([^",]*)),([^,"]*),[0-9]*$/.exec(line) ?? [];
    const name = inQuotes?.replaceAll('""', '"') ?? plain;
    if (name === undefined || hash === undefined) throw badArchive('has a broken RECORD');
    const digest = /^sha256=([A-Za-z0-9_-]{43})=?$/.exec(hash)?.[1];
    if (record.has(name)) throw badArchive(`has ${quoted(name)} twice in RECORD`);
    record.set(name, digest && Buffer.from(digest, 'base64url').toString('hex'));
  }
  return record;
}

/** A file that RECORD does not list would be installed by no installer that reads RECORD: it is smuggled. */
function checkRecord(zip: ZipArchive, record: ReadonlyMap<string, unknown>, distInfo: string): string[] {
  const unlisted = ['RECORD', 'RECORD.jws', 'RECORD.p7s'].map((name) => `${distInfo}/${name}`);
  const names = new Set(zip.entries.map(({ name }) => name));
  const hidden = [...names].find((name) => !record.has(name) && !unlisted.includes(name));
  if (hidden !== undefined) throw badArchive(`has the file ${quoted(hidden)}, which RECORD does not list`);
  const missing = [...record.keys()].filter((name) => !names.has(name) && !unlisted.includes(name));
  return missing.length === 0 ? [] : [`RECORD lists ${missing.length} files that the wheel does not have.`];
}

/** Core metadata of a wheel whose identity agrees everywhere. Throws `bad-archive` or `bad-metadata`. */
export async function readWheelMetadata(path: string, filename?: string): Promise<ParsedMetadata> {
  const wheel = await openWheel(path, filename);
  await wheel.close();
  return wheel.metadata;
}
