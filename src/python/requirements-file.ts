import { open } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { Requirement } from './requirement.ts';
import { formatPlace, type LinePlace, readRequirementsLines } from './requirements-lines.ts';

export { formatPlace, type LinePlace } from './requirements-lines.ts';

/** One requirement or constraint with what stands beside it. */
export interface RequirementsEntry {
  readonly requirement: Requirement;
  /** Lower-case hex; empty where the line names none. */
  readonly sha256: readonly string[];
  readonly place: LinePlace;
}

/** What requirements files and constraints files say together. */
export interface RequirementsFiles {
  readonly requirements: readonly RequirementsEntry[];
  readonly constraints: readonly RequirementsEntry[];
  /** As written; may hold a password. */
  readonly indexUrl?: { readonly url: string; readonly place: LinePlace };
  /** The line that switches hash mode on. */
  readonly hashMode?: LinePlace;
  /** One sentence for each line that is not used. */
  readonly notes: readonly string[];
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 500;
const MAX_ENTRIES = 100_000;

/**
 * Reads `-r` and `-c` files and what they name in turn; paths in them are relative to the file that names them. In hash mode (a line with `--hash`, or
 * `--require-hashes`) each requirement needs `==` and a hash, as pip asks. RennetError `bad-usage` with file and line.
 */
export async function readRequirementsFiles(
  files: readonly { readonly path: string; readonly asConstraints: boolean }[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<RequirementsFiles> {
  const requirements: RequirementsEntry[] = [];
  const constraints: RequirementsEntry[] = [];
  const notes: string[] = [];
  let indexUrl: RequirementsFiles['indexUrl'];
  let hashMode: LinePlace | undefined;
  let read = 0;

  const readFile = async (path: string, asConstraints: boolean, way: readonly string[], by?: LinePlace) => {
    const shown = shownPath(path);
    if (way.includes(path))
      throw new RennetError('bad-usage', `${by ? formatPlace(by) : shown} names ${shown}, which leads back to itself.`);
    if ((read += 1) > MAX_FILES)
      throw new RennetError('bad-usage', `The requirements are in more than ${MAX_FILES} files.`);
    const text = await readText(path, shown, by);
    for (const line of readRequirementsLines(text, shown, environment)) {
      const { place } = line;
      switch (line.kind) {
        case 'requirement': {
          const { requirement, sha256 } = line;
          if (asConstraints && requirement.extras.length > 0)
            throw new RennetError('bad-usage', `${formatPlace(place)} has an extra; constraints cannot have extras.`);
          (asConstraints ? constraints : requirements).push({ requirement, sha256, place });
          if (sha256.length > 0) hashMode ??= place;
          if (requirements.length + constraints.length > MAX_ENTRIES)
            throw new RennetError('bad-usage', `The requirements files have more than ${MAX_ENTRIES} requirements.`);
          break;
        }
        case 'file':
          await readFile(resolve(dirname(path), line.path), asConstraints || line.asConstraints, [...way, path], place);
          break;
        case 'index':
          if (indexUrl !== undefined && indexUrl.url !== line.url)
            throw new RennetError(
              'bad-usage',
              `${formatPlace(place)} names another index than ${formatPlace(indexUrl.place)}; Rennet takes releases from one index only.`,
            );
          indexUrl = { url: line.url, place };
          break;
        case 'require-hashes':
          hashMode ??= place;
          break;
        case 'ignored':
          notes.push(line.sentence);
          break;
      }
    }
  };

  for (const { path, asConstraints } of files) await readFile(resolve(path), asConstraints, []);
  if (hashMode !== undefined) checkHashes(requirements, constraints, hashMode);
  return { requirements, constraints, ...(indexUrl && { indexUrl }), ...(hashMode && { hashMode }), notes };
}

/** pip: "in --require-hashes mode all requirements must be pinned with == and have a hash"; a constraint may give them. */
function checkHashes(
  requirements: readonly RequirementsEntry[],
  constraints: readonly RequirementsEntry[],
  mode: LinePlace,
): void {
  const bound = Map.groupBy(constraints, ({ requirement }) => requirement.project);
  for (const { requirement, sha256, place } of requirements) {
    const all = [{ requirement, sha256 }, ...(bound.get(requirement.project) ?? [])];
    const why = `${formatPlace(mode)} has hashes, so that every requirement needs them`;
    if (!all.some((entry) => entry.sha256.length > 0))
      throw new RennetError(
        'bad-usage',
        `${formatPlace(place)}: ${requirement.project} has no --hash; ${why}.`,
        'pip-compile --generate-hashes writes them.',
      );
    if (!all.some((entry) => /(?:^|,)===?[^,*]+(?:,|$)/.test(entry.requirement.specifier)))
      throw new RennetError(
        'bad-usage',
        `${formatPlace(place)}: ${requirement.project} has a --hash and no version; with hashes, each needs ==.`,
      );
  }
}

async function readText(path: string, shown: string, by: LinePlace | undefined): Promise<string> {
  const named = by === undefined ? '' : `, which ${formatPlace(by)} names,`;
  const bytes = await readBytes(path).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const why: Readonly<Record<string, string>> = {
      ENOENT: 'is not there',
      EISDIR: 'is a folder',
      EACCES: 'may not be read',
    };
    if (code === '') throw cause;
    throw new RennetError('bad-usage', `The file ${shown}${named} ${why[code] ?? `cannot be read (${code})`}.`);
  });
  if (bytes === undefined)
    throw new RennetError('bad-usage', `The file ${shown}${named} is larger than ${MAX_BYTES} bytes.`);
  try {
    const text = new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Said below.
  }
  throw new RennetError('bad-usage', `The file ${shown}${named} is not UTF-8 text.`, 'Save it as UTF-8.');
}

/** Undefined for what is too large, however it comes: `-r <(…)` is a pipe. */
async function readBytes(path: string): Promise<Buffer | undefined> {
  const handle = await open(path, 'r');
  try {
    const found = await handle.stat();
    if (found.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    if (found.size > MAX_BYTES) return undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

/** Windows' shells write UTF-16 with a mark at the start. */
function encodingOf(bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  return mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
}

/** As short as it can be said: what lies below the working folder relative to it. */
function shownPath(path: string): string {
  const below = relative(process.cwd(), path);
  const shown = below !== '' && !below.startsWith('..') && process.cwd() !== '/' ? below : path;
  return shown.replaceAll(/\p{C}/gu, '?');
}
