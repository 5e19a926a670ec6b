import { readByteLines } from './byte-lines.ts';
import { compareDebianVersions } from './version.ts';

export interface IndexedPackage {
  readonly version: string;
  /** Where its name differs from the package's. */
  readonly source?: string;
  readonly architecture: string;
}

export interface PackagesIndex {
  /** The highest version of each package, as for apt without pins. */
  readonly packages: ReadonlyMap<string, IndexedPackage>;
  /** For each suite (see `suitePrefix`) the version of each package in it. */
  readonly suites: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** What the Packages and Contents files of one suite have in common: apt names them `<mirror>_dists_<suite>_…`. */
export function suitePrefix(listPath: string): string {
  const name = listPath.slice(listPath.lastIndexOf('/') + 1);
  return /^(.*_dists_[^_]+)_/.exec(name)?.[1] ?? name;
}

/** Reads Packages files of several suites (release, updates, security). */
export async function readPackages(paths: readonly string[], signal?: AbortSignal): Promise<PackagesIndex> {
  const packages = new Map<string, IndexedPackage>();
  const suites = new Map<string, Map<string, string>>();
  for (const path of paths) {
    const prefix = suitePrefix(path);
    const suite = suites.get(prefix) ?? new Map<string, string>();
    suites.set(prefix, suite);
    let name = '';
    let version = '';
    let architecture = '';
    let source: string | undefined;
    const add = (): void => {
      if (name === '' || version === '') return;
      const inSuite = suite.get(name);
      if (inSuite === undefined || compareDebianVersions(version, inSuite) > 0) suite.set(name, version);
      const before = packages.get(name);
      if (!before || compareDebianVersions(version, before.version) > 0)
        packages.set(name, { version, architecture, ...(source !== undefined && { source }) });
    };
    await readByteLines(
      path,
      (bytes, start, end) => {
        if (start === end) {
          add();
          name = version = '';
          source = undefined;
        }
        name = fieldValue(bytes, start, end, PACKAGE) ?? name;
        version = fieldValue(bytes, start, end, VERSION) ?? version;
        architecture = fieldValue(bytes, start, end, ARCHITECTURE) ?? architecture;
        // A source of another version has it in parentheses.
        source = fieldValue(bytes, start, end, SOURCE)?.split(' ')[0] ?? source;
      },
      signal,
    );
    add();
  }
  return { packages, suites };
}

const PACKAGE = Buffer.from('Package: ');
const VERSION = Buffer.from('Version: ');
const SOURCE = Buffer.from('Source: ');
const ARCHITECTURE = Buffer.from('Architecture: ');

/** The value of a field's first line, undefined where the line is another field's. */
function fieldValue(bytes: Buffer, start: number, end: number, field: Buffer): string | undefined {
  if (bytes[start] !== field[0] || end - start < field.length) return undefined;
  if (bytes.compare(field, 0, field.length, start, start + field.length) !== 0) return undefined;
  return bytes.toString('latin1', start + field.length, end).trim();
}
