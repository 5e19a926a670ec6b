import { isUtf8 } from 'node:buffer';
import { RennetError } from '../../model/errors.ts';
import { parseEntryPoints } from '../../python/entry-points.ts';
import { parseMetadata } from '../../python/metadata.ts';
import { openZip, type ZipArchive, type ZipEntry, ZIP_CAPS } from '../../python/zip.ts';
import { looksLikeElf, readElf } from '../elf.ts';
import { MAX_BYTES, MAX_FILES, MAX_MEMBER_BYTES } from '../limits.ts';
import { initKindOf, MAX_INIT_BYTES } from '../namespace-init.ts';
import type { WheelFile, WheelReport } from '../wheel-report.ts';
import { type FrameKind, MAX_FRAME } from './frames.ts';

export type Send = (kind: FrameKind, bytes?: Uint8Array) => Promise<void>;

const MAX_LICENCES = 50;
const LICENCE_BYTES = 64 * 1024;
const PTH_BYTES = 64 * 1024;
const DIST_INFO = /^[^/]+\.dist-info$/;
const TEXT_MEMBER = /^[^/]+\.dist-info\/(METADATA|WHEEL|entry_points\.txt|namespace_packages\.txt)$/;
const LICENCE = /^[^/]+\.dist-info\/(?:licenses\/.+|(?:LICEN[CS]E|COPYING|NOTICE|COPYRIGHT)[^/]*)$/i;

/** Reads every member of a wheel once, sends its content on, and gives the facts that the rules need. */
export async function readWheel(path: string, send: Send): Promise<WheelReport> {
  let zip: ZipArchive | undefined;
  try {
    // Number and size have rules of their own, so that the answer names them.
    zip = await openZip(path, {
      ...ZIP_CAPS,
      entries: 0xffff,
      entryBytes: 0xffffffff,
      totalBytes: Number.MAX_SAFE_INTEGER,
    });
    const bound = boundOf(zip.entries);
    if (bound) return { refused: bound };
    const texts = new Map<string, Buffer>();
    const files: WheelFile[] = [];
    for (const entry of zip.entries) {
      const content = await zip.read(entry.name, MAX_MEMBER_BYTES);
      await sendContent(content, send);
      files.push(factsOf(entry, content));
      if (TEXT_MEMBER.test(entry.name)) texts.set(entry.name, content);
      else if (LICENCE.test(entry.name)) texts.set(entry.name, Buffer.from(content.subarray(0, LICENCE_BYTES)));
    }
    return reportOf(files, texts);
  } catch (error) {
    return refusedBy(error);
  } finally {
    await zip?.close();
  }
}

function boundOf(entries: readonly ZipEntry[]): { rule: string; detail: string } | undefined {
  if (entries.length > MAX_FILES) return { rule: 'too-many-files', detail: `it has ${entries.length} files` };
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > MAX_BYTES) return { rule: 'too-large', detail: `it unpacks to ${total} bytes` };
  const large = entries.find(({ bytes }) => bytes > MAX_MEMBER_BYTES);
  return large && { rule: 'too-large', detail: `one file has ${large.bytes} bytes, ${MAX_MEMBER_BYTES} are allowed` };
}

async function sendContent(content: Buffer, send: Send): Promise<void> {
  for (let at = 0; at < content.length; at += MAX_FRAME) await send('content', content.subarray(at, at + MAX_FRAME));
  await send('end');
}

function factsOf({ name, mode }: ZipEntry, content: Buffer): WheelFile {
  const base = { name, mode };
  if (looksLikeElf(content))
    return { ...base, elf: readElf((offset, length) => content.subarray(offset, offset + length)) };
  if (content.subarray(0, 2).toString('latin1') === '#!')
    return { ...base, shebang: content.subarray(0, 500).toString('utf8').split(/\r?\n/)[0] ?? '' };
  if (/(?:^|\/)__init__\.py$/.test(name) && content.length <= MAX_INIT_BYTES) {
    const init = initKindOf(content.toString('utf8'));
    return init === undefined ? base : { ...base, init };
  }
  return name.endsWith('.pth') && content.length <= PTH_BYTES ? { ...base, pth: content.toString('utf8') } : base;
}

function reportOf(files: readonly WheelFile[], texts: ReadonlyMap<string, Buffer>): WheelReport {
  const folders = new Set(files.map(({ name }) => name.split('/')[0] ?? '').filter((top) => DIST_INFO.test(top)));
  const [distInfo = ''] = folders;
  const metadata = texts.get(`${distInfo}/METADATA`);
  const wheel = texts.get(`${distInfo}/WHEEL`);
  if (folders.size !== 1 || !metadata || !wheel)
    return {
      refused: {
        rule: 'dist-info',
        detail: `it has ${folders.size} .dist-info folders, ${metadata ? 'with' : 'without'} METADATA, ${wheel ? 'with' : 'without'} WHEEL`,
      },
    };
  // Python's importlib.metadata, and pip with it, takes nothing else (core metadata specification).
  if (!isUtf8(metadata)) return { refused: { rule: 'metadata', detail: 'its METADATA is not UTF-8' } };
  const textOf = (name: string) => texts.get(`${distInfo}/${name}`)?.toString('utf8') ?? '';
  const { consoleScripts, guiScripts, others, unfit } = parseEntryPoints(textOf('entry_points.txt'));
  return {
    files: [...files],
    distInfo,
    metadata: parseMetadata(metadata),
    wheelVersion: /^Wheel-Version:[ \t]*(\S+)[ \t]*$/im.exec(wheel.toString('utf8'))?.[1] ?? '',
    scripts: [...consoleScripts, ...guiScripts],
    unfitScripts: [...unfit],
    plugins: [...others].flatMap(([group, lines]) => lines.map((line) => `${line} [${group}]`)),
    namespaces: textOf('namespace_packages.txt')
      .split(/\r?\n/)
      .map((line) => line.trim().replaceAll('.', '/'))
      .filter((line) => line !== ''),
    licences: licencesOf(texts, distInfo),
  };
}

function licencesOf(texts: ReadonlyMap<string, Buffer>, distInfo: string): { name: string; text: string }[] {
  return [...texts]
    .filter(([name]) => LICENCE.test(name))
    .slice(0, MAX_LICENCES)
    .map(([name, text]) => ({ name: name.slice(distInfo.length + 1), text: text.toString('utf8') }));
}

/** Errors of the package become the rule that they break; all others are ours and end the process. */
function refusedBy(error: unknown): WheelReport {
  if (!(error instanceof RennetError) || error.kind !== 'package') throw error;
  const rule = error.code === 'bad-metadata' ? 'metadata' : error.code === 'too-large' ? 'too-large' : 'archive';
  return { refused: { rule, detail: error.message.replace(/\.$/, '') } };
}
