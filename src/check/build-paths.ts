import { open } from 'node:fs/promises';
import { plainText } from '../model/text.ts';

const MAX_BYTES = 4 * 2 ** 20;
/** What stands in a comment runs nowhere. */
const COMMENT = /^\s*(?:#(?!!)|\/\/|\/?\*|;|<!--)/;

/** Where a guest unpacks the sdist, and where it sees its input and output (guest/build_job.py). */
function foldersOf(top: string): readonly string[] {
  return [`/build/source/${top}`, '/rennet/in/', '/rennet/out/'];
}

/**
 * Code of the package that names a folder of its build, with the first such line: modules and commands, comments left out.
 * Data may name what it likes. Files of more than 4 MiB are passed over. Hostile bytes; only searched through.
 */
export async function findBuildPaths(
  files: readonly { readonly path: string; readonly content: string; readonly bytes: number }[],
  top: string,
  signal: AbortSignal,
): Promise<{ path: string; line: string }[]> {
  const folders = foldersOf(top);
  const found: { path: string; line: string }[] = [];
  for (const { path, content, bytes } of files) {
    if (!(path.endsWith('.py') || path.startsWith('/usr/bin/')) || bytes > MAX_BYTES) continue;
    signal.throwIfAborted();
    const line = await firstLine(content, folders);
    if (line !== undefined) found.push({ path, line: plainText(line).trim().slice(0, 200) });
  }
  return found;
}

async function firstLine(path: string, folders: readonly string[]): Promise<string | undefined> {
  const file = await open(path);
  try {
    const bytes = await file.readFile();
    // An ELF program in /usr/bin has the folder in its debug information.
    if (bytes.subarray(0, 4).toString('latin1') === '\u007fELF' || !folders.some((folder) => bytes.includes(folder)))
      return undefined;
    const lines = bytes.toString('utf8').split('\n');
    return lines.find((line) => !COMMENT.test(line) && folders.some((folder) => line.includes(folder)));
  } finally {
    await file.close();
  }
}
