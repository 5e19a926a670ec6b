import { quoted } from '../model/text.ts';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Header } from 'tar-stream';
import { extract } from 'tar-stream';
import { RennetError } from '../model/errors.ts';
import { badArchive } from './zip-entry.ts';

export interface TarCaps {
  readonly entries: number;
  /** Of the unpacked archive. */
  readonly totalBytes: number;
  /** Unpacked bytes for one byte of the archive, beyond the first 64 MiB. */
  readonly ratio: number;
  readonly depth: number;
  readonly nameBytes: number;
}

export interface TarMember {
  /** Relative, of plain parts, without `./` and a slash at the end. Bytes that are not UTF-8 were replaced. */
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'link';
  readonly bytes: number;
  /** Of links, as written. */
  readonly target?: string;
  /** Set where the archive says that its owner may run the file. */
  readonly isExecutable?: true;
}

/** Told of every member in order. `wanted` says how many bytes of a file to hand to `take`; 0 for none. */
export interface TarVisitor {
  wanted(member: TarMember): number;
  take(member: TarMember, content: Buffer): void;
}

/** Tar files of before POSIX have no `ustar` mark; the package's types do not know the option. */
const ANY_FORMAT: object = { allowUnknownFormat: true };
const RATIO_FREE_BYTES = 64 * 1024 * 1024;
const KINDS: Readonly<Record<string, TarMember['kind']>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'directory',
  symlink: 'symlink',
  link: 'link',
};
/** Pax records that change no content and no place (POSIX pax, star and libarchive); `path` is checked like any name. */
const HARMLESS_PAX =
  /^(?:path|[acm]time|uid|gid|uname|gname|comment|charset|SCHILY\..*|LIBARCHIVE\..*|RHT\..*|MSWINDOWS\..*)$/;

/**
 * Streams a .tar.gz from a hostile source once; nothing is unpacked. Refused with `bad-archive`: devices and pipes, unsafe
 * names, pax records that override sizes, links or sparse maps, more than the caps, broken or cut off data.
 * On abort the stream is destroyed and the signal's reason thrown.
 */
export async function readTarGz(
  path: string,
  archiveBytes: number,
  caps: TarCaps,
  visitor: TarVisitor,
  signal?: AbortSignal,
): Promise<void> {
  const reader = extract(ANY_FORMAT);
  let entries = 0;
  reader.on('entry', (header, content, proceed) => {
    entries += 1;
    // What destroys the reader is reported by the pipeline; without a listener it would end the process as well.
    content.on('error', () => undefined);
    const visit = async () => {
      if (entries > caps.entries) throw badArchive(`has more than ${caps.entries} entries`);
      checkPax(reader, header);
      const member = readMember(header, caps);
      const wanted = member === undefined ? 0 : visitor.wanted(member);
      if (wanted > 0 && header.size > wanted) {
        throw badArchive(`has the file ${quoted(header.name)} of ${header.size} bytes, ${wanted} are allowed`);
      }
      const chunks: Buffer[] = [];
      for await (const chunk of content as AsyncIterable<Buffer>) if (wanted > 0) chunks.push(chunk);
      if (member !== undefined) visitor.take(member, Buffer.concat(chunks));
    };
    void visit().then(
      () => proceed(),
      (error: Error) => proceed(error),
    );
  });
  try {
    const bounded = bound(archiveBytes, caps);
    await pipeline(createReadStream(path), createGunzip(), bounded, reader, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error);
  }
}

/** Passes the unpacked bytes on as long as they are not too many. */
function bound(archiveBytes: number, caps: TarCaps): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    let total = 0;
    for await (const chunk of source) {
      total += chunk.length;
      if (total > caps.totalBytes) throw badArchive(`unpacks to more than ${caps.totalBytes} bytes`);
      if (total > RATIO_FREE_BYTES && total > archiveBytes * caps.ratio) {
        throw badArchive(`unpacks to more than ${caps.ratio} times its size`);
      }
      yield chunk;
    }
  };
}

/** The package leaves global records out where an entry has none of its own, unlike Python's tarfile; so they are looked up. */
function checkPax(reader: object, header: Header): void {
  const global: unknown = '_paxGlobal' in reader ? reader._paxGlobal : undefined;
  for (const key of Object.keys(Object.assign({}, global, header.pax))) {
    const isGlobalPath = key === 'path' && Object.hasOwn(global ?? {}, key);
    if (!HARMLESS_PAX.test(key) || isGlobalPath) throw badArchive(`overrides ${quoted(key)} of ${quoted(header.name)}`);
  }
}

/** Undefined for the entry of the root, `./`. */
function readMember(header: Header, caps: TarCaps): TarMember | undefined {
  const shown = quoted(header.name);
  const kind = KINDS[header.type];
  if (kind === undefined) throw badArchive(`has the entry ${shown}, which is no file, directory or link`);
  if (header.name.startsWith('/')) throw badArchive(`has the unsafe name ${shown}`);
  const parts = header.name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..') || /\p{Cc}/u.test(header.name)) throw badArchive(`has the unsafe name ${shown}`);
  if (parts.length > caps.depth) throw badArchive(`has more than ${caps.depth} levels of directories at ${shown}`);
  if (Buffer.byteLength(header.name) > caps.nameBytes) throw badArchive(`has a name that is too long: ${shown}`);
  if (parts.length === 0) return undefined;
  const target = kind === 'symlink' || kind === 'link' ? { target: header.linkname ?? '' } : {};
  const executable = kind === 'file' && ((header.mode ?? 0) & 0o100) !== 0 ? { isExecutable: true as const } : {};
  return { name: parts.join('/'), kind, bytes: header.size, ...target, ...executable };
}

/** What zlib and the tar reader say is about the archive; errors of this host stay what they are. */
function explain(error: unknown): unknown {
  if (error instanceof RennetError || !(error instanceof Error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  if (/^E[A-Z]+$/.test(code)) return error;
  if (code === 'Z_BUF_ERROR' || /unexpected end/i.test(error.message)) return badArchive('was cut off', error);
  return badArchive('is no gzip-compressed tar archive, or is broken', error);
}
