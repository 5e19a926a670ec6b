import { readFile, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { writeDurably } from './durable.ts';

/** A generation that was replaced: which by-hash files a client that read it may still ask for. */
interface RetiredGeneration {
  readonly generation: string;
  /** Milliseconds since 1970. */
  readonly retiredAt: number;
  readonly files: readonly string[];
}

const KEEP_MS = 7 * 24 * 3600 * 1000;
const KEEP_GENERATIONS = 3;

/**
 * Notes, before the flip, that the published generation is about to be replaced. A generation whose replacement was killed is
 * noted again later: it then counts from that time.
 */
export async function noteRetirement(
  suiteFolder: string,
  generation: string,
  files: readonly string[],
  now: Date,
): Promise<void> {
  const others = ((await readNotes(suiteFolder)) ?? []).filter((note) => note.generation !== generation);
  const notes = [...others, { generation, retiredAt: now.getTime(), files }];
  await writeDurably(notesPath(suiteFolder), `${JSON.stringify(stillKept(notes, now))}\n`);
}

/**
 * Removes by-hash files that no kept generation has: kept are the current one, the three before it, and all that were
 * replaced in the last seven days. Without retention 40 of 200 `apt-get update` runs failed during constant
 * publishing (ADMISSION.md).
 */
export async function removeForgotten(suiteFolder: string, current: readonly string[], now: Date): Promise<void> {
  const notes = await readNotes(suiteFolder);
  if (!notes) return;
  const kept = new Set([...current, ...stillKept(notes, now).flatMap((note) => note.files)]);
  for (const entry of await readdir(suiteFolder, { recursive: true, withFileTypes: true })) {
    const name = relative(suiteFolder, join(entry.parentPath, entry.name));
    const isForgotten = /(^|\/)by-hash\/SHA256\/[0-9a-f]{64}$/.test(name) && !kept.has(name);
    if (entry.isFile() && isForgotten) await rm(join(suiteFolder, name), { force: true });
  }
}

function stillKept(notes: readonly RetiredGeneration[], now: Date): RetiredGeneration[] {
  const since = now.getTime() - KEEP_MS;
  return notes.filter((note, index) => note.retiredAt > since || index >= notes.length - KEEP_GENERATIONS);
}

/** Undefined where the notes cannot be read: then nothing is removed this time. */
async function readNotes(suiteFolder: string): Promise<RetiredGeneration[] | undefined> {
  try {
    return JSON.parse(await readFile(notesPath(suiteFolder), 'utf8')) as RetiredGeneration[];
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function notesPath(suiteFolder: string): string {
  return join(suiteFolder, 'retired.json');
}
