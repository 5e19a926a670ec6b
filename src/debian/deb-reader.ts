import { type FileHandle, open } from 'node:fs/promises';
import { Readable, compose } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { RennetError } from '../model/errors.ts';
import { type ArMember, readArMembers, readExactly } from './ar.ts';
import { type Stanza, parseStanzas } from './deb822.ts';
import { type TarEntry, readTar } from './tar-reader.ts';
import { decompress } from './xz.ts';

/** What stands in a `.deb`, as it stands there: the reader judges the format, admission rules judge the rest. */
export interface DebContents {
  readonly control: Stanza;
  /** Every file of control.tar but `control`, by name: maintainer scripts, md5sums, conffiles, triggers. */
  readonly controlFiles: ReadonlyMap<string, string>;
  /** Every member of data.tar in order. */
  readonly entries: readonly TarEntry[];
}

const CONTROL_LIMITS = { entries: 64, bytes: 32 * 1024 * 1024 };
/** A little above what admission allows, so that a package over the rule is named by the rule. */
const DATA_LIMITS = { entries: 200_000, bytes: 8 * 1024 ** 3 };

/**
 * Reads a `.deb` of format 2.0 strictly; nothing is unpacked.
 * Errors: `bad-archive`, `bad-deb822`, `too-large`; `missing-tool` where xz is absent.
 */
export async function readDeb(path: string): Promise<DebContents> {
  await using file = await open(path, 'r');
  const [controlMember, dataMember] = await findMembers(file);
  const controlPart = await readControlPart(file, controlMember);
  const entries: TarEntry[] = [];
  for await (const { entry } of readTar(memberStream(file, dataMember), DATA_LIMITS)) entries.push(entry);
  return { ...controlPart, entries };
}

/** Reads only the control fields; fast for large packages. Errors: as readDeb. */
export async function readDebControl(path: string): Promise<Stanza> {
  await using file = await open(path, 'r');
  const [controlMember] = await findMembers(file);
  return (await readControlPart(file, controlMember)).control;
}

async function findMembers(file: FileHandle): Promise<[ArMember, ArMember]> {
  const [version, control, data, ...rest] = await readArMembers(file);
  // dpkg skips members that begin with an underscore; nobody needs them here.
  if (version?.name !== 'debian-binary' || !control || !data || rest.length > 0)
    throw bad('its members are not the usual three');
  const text = await readExactly(file, version.offset, Math.min(version.bytes, 16));
  if (text.toString('latin1') !== '2.0\n') throw bad('its format is not 2.0');
  if (!/^control\.tar(\.(gz|xz|zst))?$/.test(control.name) || !/^data\.tar(\.(gz|xz|zst))?$/.test(data.name)) {
    throw bad('its members are not the usual three');
  }
  return [control, data];
}

async function readControlPart(file: FileHandle, member: ArMember): Promise<Omit<DebContents, 'entries'>> {
  const controlFiles = new Map<string, string>();
  for await (const { entry, content } of readTar(memberStream(file, member), CONTROL_LIMITS, () => true)) {
    if (entry.type === 'folder' && /^\.?\/?$/.test(entry.name)) continue;
    const name = entry.name.replace(/^\.\//, '');
    if (entry.type !== 'file' || !content || name.includes('/') || controlFiles.has(name))
      throw bad('its control part is odd');
    controlFiles.set(name, content.toString('utf8'));
  }
  const [control, ...more] = parseStanzas(controlFiles.get('control') ?? '');
  if (!control || more.length > 0) throw bad('it has no single control stanza');
  controlFiles.delete('control');
  return { control, controlFiles };
}

function memberStream(file: FileHandle, member: ArMember): AsyncIterable<Buffer> {
  if (member.bytes === 0) return Readable.from([]);
  const raw = file.createReadStream({ start: member.offset, end: member.offset + member.bytes - 1, autoClose: false });
  if (member.name.endsWith('.xz')) return decompress(raw);
  if (member.name.endsWith('.gz')) return checked(compose(raw, createGunzip()));
  if (member.name.endsWith('.zst')) return checked(compose(raw, createZstdDecompress()));
  return raw;
}

async function* checked(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (error) {
    throw bad('its compressed part is damaged', error);
  }
}

function bad(why: string, cause?: unknown): RennetError {
  return new RennetError('bad-archive', `The file is no usable Debian package: ${why}.`, '', { cause });
}
