/** One line of RECORD: a file and what its content hashes to. */
export interface RecordedFile {
  /** Path below site-packages, or in the `.data` folder, with slashes. */
  readonly path: string;
  /** base64url without padding, where the line has a sha256. */
  readonly sha256?: string;
}

const MAX_LINES = 100_000;
const LINE = /^(?:"((?:[^"]|"")+)"|([^,"]+)),([^,]*),[^,]*$/;

/**
 * Reads the RECORD of a wheel (PEP 376, PEP 427): CSV lines of path, hash and size. Lines that cannot be read are passed over:
 * the list is compared, never obeyed. Hostile text; at most 100,000 lines.
 */
export function parseRecord(text: string): RecordedFile[] {
  return text
    .split(/\r\n|\r|\n/)
    .slice(0, MAX_LINES)
    .flatMap((line) => {
      const [, quoted, plain, hash = ''] = LINE.exec(line) ?? [];
      const path = quoted?.replaceAll('""', '"') ?? plain;
      if (path === undefined || path.length > 4096) return [];
      const sha256 = /^sha256=([A-Za-z0-9_-]{43})=?$/.exec(hash)?.[1];
      return [{ path: path.replace(/^\.\//, ''), ...(sha256 === undefined ? {} : { sha256 }) }];
    });
}
