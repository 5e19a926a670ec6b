import { readByteLines } from './byte-lines.ts';

/** A path (without leading slash) as bytes `start` to `end`, and the packages that ship it. */
export type VisitPath = (bytes: Buffer, start: number, end: number, packages: readonly string[]) => void;

const SPACE = 0x20;
const TAB = 0x09;

/**
 * Reads a Contents list (Debian wiki, RepositoryFormat, "Contents indices"): a path, blanks, then `section/package` names separated by
 * commas. The path may hold blanks, the names do not. `wanted` is asked first, so that most lines cost nothing.
 */
export async function readContents(
  path: string,
  wanted: (bytes: Buffer, start: number, end: number) => boolean,
  visit: VisitPath,
  signal?: AbortSignal,
): Promise<void> {
  let lastLocation: Buffer = Buffer.alloc(0);
  let packages: readonly string[] = [];
  const visitLine = (bytes: Buffer, start: number, end: number): void => {
    if (!wanted(bytes, start, end)) return;
    let location = end;
    while (location > start && !isBlank(bytes[location - 1])) location -= 1;
    let pathEnd = location;
    while (pathEnd > start && isBlank(bytes[pathEnd - 1])) pathEnd -= 1;
    if (pathEnd === start) return;
    // Neighbouring lines mostly belong to one package.
    if (lastLocation.compare(bytes, location, end) !== 0) {
      lastLocation = Buffer.from(bytes.subarray(location, end));
      packages = lastLocation
        .toString('latin1')
        .split(',')
        .map((name) => name.slice(name.lastIndexOf('/') + 1));
    }
    visit(bytes, start, pathEnd, packages);
  };
  await readByteLines(path, visitLine, signal);
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}
