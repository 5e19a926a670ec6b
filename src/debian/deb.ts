import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, syncFolder } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import type { AdmittedFile } from '../model/evidence.ts';
import { AR_MAGIC, arHeader, arPadding } from './ar.ts';
import { type DebLink, type TreeEntry, layOutTree } from './deb-tree.ts';
import { TAR_END, tarHeader, tarPadding } from './tar-writer.ts';
import { compressTo, compressToBuffer } from './xz.ts';

export { readDeb, readDebControl } from './deb-reader.ts';
export { type DebLink, installedSizeKiB } from './deb-tree.ts';

/** Maintainer scripts; Rennet's own fixed text, never the package's. */
export type MaintainerScripts = Partial<Record<'preinst' | 'postinst' | 'prerm' | 'postrm', string>>;

export interface DebInput {
  /** Text of `control`, made by writeControl. */
  readonly control: string;
  readonly scripts: MaintainerScripts;
  readonly files: readonly AdmittedFile[];
  /** Symbolic links; only those that Rennet itself makes. */
  readonly links: readonly DebLink[];
  /** Time of everything in the package, seconds since 1970. */
  readonly epoch: number;
}

export interface WrittenDeb {
  readonly bytes: number;
  readonly sha256: string;
  readonly installedSizeKiB: number;
}

/**
 * Writes a `.deb` (deb(5)): same input, same bytes. Contents are streamed and checked against `bytes` and `sha256` of
 * each file. The file appears under `path` complete and fsynced, or not at all.
 * Errors: `defect` for a tree that contradicts itself or content that changed; `no-space`; `missing-tool` without xz.
 */
export async function writeDeb(input: DebInput, path: string, signal?: AbortSignal): Promise<WrittenDeb> {
  const tree = layOutTree(input.files, input.links);
  const dataPath = `${path}.data-tmp`;
  const debPath = `${path}.tmp`;
  try {
    const md5sums: string[] = [];
    await compressTo(dataTar(tree.entries, input.epoch, md5sums), dataPath, signal);
    const control = await compressToBuffer(controlTar(input, md5sums), signal);
    const written = await writeAr(debPath, control, dataPath, input.epoch);
    await rename(debPath, path);
    await syncFolder(dirname(path));
    return { ...written, installedSizeKiB: tree.installedSizeKiB };
  } catch (error) {
    throw fileError(error, dirname(path));
  } finally {
    await Promise.all([rm(dataPath, { force: true }), rm(debPath, { force: true })]);
  }
}

async function* dataTar(entries: readonly TreeEntry[], epoch: number, md5sums: string[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (entry.type !== 'file') {
      const target = entry.type === 'link' ? { target: entry.target } : {};
      yield tarHeader({ ...entry, ...target, bytes: 0, epoch, mode: entry.type === 'link' ? 0o777 : 0o755 });
      continue;
    }
    yield tarHeader({ name: entry.name, type: 'file', mode: entry.file.mode, bytes: entry.file.bytes, epoch });
    md5sums.push(`${yield* checkedContent(entry.file)}  ${entry.name.slice(2)}\n`);
    yield tarPadding(entry.file.bytes);
  }
  yield TAR_END;
}

/** Streams a file and returns its md5. Wrong size or hash: somebody wrote to the file after admission. */
async function* checkedContent(file: AdmittedFile): AsyncGenerator<Buffer, string> {
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file.content, { highWaterMark: 256 * 1024 })) {
    const buffer = chunk as Buffer;
    bytes += buffer.length;
    if (bytes > file.bytes) break;
    md5.update(buffer);
    sha256.update(buffer);
    yield buffer;
  }
  if (bytes !== file.bytes || sha256.digest('hex') !== file.sha256) {
    throw new RennetError(
      'defect',
      `The content of ${file.path} is not what was admitted.`,
      'Build the release again.',
    );
  }
  return md5.digest('hex');
}

function* controlTar(input: DebInput, md5sums: readonly string[]): Generator<Buffer> {
  const { epoch } = input;
  yield tarHeader({ name: './', type: 'folder', mode: 0o755, bytes: 0, epoch });
  const members: [string, string, number][] = [
    ['control', input.control, 0o644],
    ['md5sums', md5sums.join(''), 0o644],
    ...Object.entries(input.scripts).map(([name, text]): [string, string, number] => [name, text, 0o755]),
  ];
  for (const [name, text, mode] of members.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const content = Buffer.from(text);
    yield tarHeader({ name: `./${name}`, type: 'file', mode, bytes: content.length, epoch });
    yield content;
    yield tarPadding(content.length);
  }
  yield TAR_END;
}

async function writeAr(
  path: string,
  control: Buffer,
  dataPath: string,
  epoch: number,
): Promise<Omit<WrittenDeb, 'installedSizeKiB'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using data = await open(dataPath, 'r');
  await using file = await open(path, 'w', 0o644);
  const write = async (part: Buffer): Promise<void> => {
    hash.update(part);
    bytes += part.length;
    await file.writeFile(part);
  };
  const version = Buffer.from('2.0\n');
  const { size } = await data.stat();
  await write(Buffer.concat([Buffer.from(AR_MAGIC), arHeader('debian-binary', version.length, epoch), version]));
  await write(
    Buffer.concat([arHeader('control.tar.xz', control.length, epoch), control, Buffer.from(arPadding(control.length))]),
  );
  await write(arHeader('data.tar.xz', size, epoch));
  for await (const chunk of data.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 }))
    await write(chunk as Buffer);
  await write(Buffer.from(arPadding(size)));
  await file.sync();
  return { bytes, sha256: hash.digest('hex') };
}
