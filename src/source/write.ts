import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError } from '../host/files.ts';
import { type SourceFile, writeDsc } from '../debian/source-control.ts';
import { TAR_END, tarHeader, tarPadding } from '../debian/tar-writer.ts';
import { compressToBuffer } from '../debian/xz.ts';
import { type DebianFolder, debianFolder, type FolderFile } from './debian-folder.ts';
import { writeOrig } from './orig.ts';

export interface WrittenSource {
  /** Host path of the `.dsc`; the files that it names lie beside it. */
  readonly dsc: string;
  /** The `.orig.tar.gz` has upstream's own bytes. */
  readonly isPristine: boolean;
}

/**
 * Writes a source package of format 3.0 (quilt) into `place`: `.orig.tar.gz`, `.debian.tar.xz`, `.dsc`. Same input, same bytes. Each file appears
 * complete, the `.dsc` last; one of the same name is replaced. `scratch` is a folder of this attempt, `mode` that of the files.
 * Errors: `defect`, `bad-archive`, `no-space`, `missing-tool`.
 */
export async function writeSourcePackage(
  folder: DebianFolder,
  sdist: string,
  scratch: string,
  place: string,
  mode: number,
  signal: AbortSignal,
): Promise<WrittenSource> {
  const { source, version } = folder.fields;
  const upstream = version.slice(0, version.lastIndexOf('-'));
  const names = {
    orig: `${source}_${upstream}.orig.tar.gz`,
    debian: `${source}_${version}.debian.tar.xz`,
    dsc: `${source}_${version}.dsc`,
  };
  try {
    await mkdir(scratch, { recursive: true });
    await mkdir(place, { recursive: true });
    const isPristine = await writeOrig(sdist, join(scratch, names.orig), folder.epoch, signal);
    const packed = await compressToBuffer(tarOf(debianFolder(folder), folder.epoch), signal);
    await writeFile(join(scratch, names.debian), packed);
    const files = [await sumsOf(scratch, names.orig), await sumsOf(scratch, names.debian)];
    await writeFile(join(scratch, names.dsc), writeDsc(folder.fields, files));
    for (const name of [names.orig, names.debian, names.dsc]) {
      const part = join(place, `${name}.part`);
      // The copy is made with the mode of its source, but one that an earlier run left would keep its own for a while.
      await chmod(join(scratch, name), mode);
      await rm(part, { force: true });
      await copyFile(join(scratch, name), part);
      await chmod(part, mode);
      await rename(part, join(place, name));
    }
    await rm(scratch, { recursive: true, force: true });
    return { dsc: join(place, names.dsc), isPristine };
  } catch (error) {
    throw fileError(error, place);
  }
}

function* tarOf(files: readonly FolderFile[], epoch: number): Generator<Buffer> {
  yield tarHeader({ name: 'debian/', type: 'folder', mode: 0o755, bytes: 0, epoch });
  yield tarHeader({ name: 'debian/source/', type: 'folder', mode: 0o755, bytes: 0, epoch });
  for (const { name, text, mode } of files) {
    const content = Buffer.from(text);
    yield tarHeader({ name, type: 'file', mode, bytes: content.length, epoch });
    yield content;
    yield tarPadding(content.length);
  }
  yield TAR_END;
}

async function sumsOf(folder: string, name: string): Promise<SourceFile> {
  const hashes = [createHash('md5'), createHash('sha1'), createHash('sha256')];
  let bytes = 0;
  for await (const chunk of createReadStream(join(folder, name))) {
    for (const hash of hashes) hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  const [md5 = '', sha1 = '', sha256 = ''] = hashes.map((hash) => hash.digest('hex'));
  return { name, bytes, md5, sha1, sha256 };
}
