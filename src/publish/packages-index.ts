import { RennetError } from '../model/errors.ts';
import { type Stanza, formatStanza, parseStanzas } from '../debian/deb822.ts';
import { compareDebianVersions } from '../debian/version.ts';

/** One admitted package as the database has it; nothing else goes into an index. */
export interface ArchiveRow {
  readonly package: string;
  readonly version: string;
  /** `all` or an architecture. */
  readonly architecture: string;
  /** The text of the package's `control`. */
  readonly control: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Path below the archive folder: `pool/…`. */
  readonly pool: string;
  /** Host file with the content. */
  readonly blob: string;
}

/** Of each name the newest version only (older ones stay in the pool), ordered by name. Errors: `publish-refused`. */
export function newestRows(rows: readonly ArchiveRow[], architecture: string): ArchiveRow[] {
  const newest = new Map<string, ArchiveRow>();
  for (const row of rows) {
    if (row.architecture !== architecture) continue;
    const other = newest.get(row.package);
    const order = other ? compareDebianVersions(row.version, other.version) : 1;
    if (order === 0 && row.sha256 !== other?.sha256) throw refused(row, 'stands there twice with different contents');
    if (order > 0) newest.set(row.package, row);
  }
  return [...newest.values()].sort((a, b) => (a.package < b.package ? -1 : 1));
}

/** The text of a Packages file: the control fields of each row, then where the file lies. Errors: `publish-refused`. */
export function packagesText(rows: readonly ArchiveRow[]): string {
  return rows.map(packageStanza).join('\n');
}

/** The fields that writeControl can write (src/debian/control.ts); a stanza with any other one was not made by it. */
const FIELDS = new Set([
  'Package',
  'Source',
  'Version',
  'Architecture',
  'Maintainer',
  'Installed-Size',
  'Depends',
  'Suggests',
  'Provides',
  'Section',
  'Priority',
  'Homepage',
  'Description',
]);

function packageStanza(row: ArchiveRow): string {
  const stanza = readStanza(row);
  for (const [field, value] of [
    ['Package', row.package],
    ['Version', row.version],
    ['Architecture', row.architecture],
  ] as const) {
    if (stanza.get(field) !== value) throw refused(row, `has another ${field} in its control fields`);
  }
  requirePlace(row);
  const fields: [string, string | string[]][] = [...stanza].map(([name, value]) => [name, linesOf(value)]);
  const place: [string, string][] = [
    ['Filename', row.pool],
    ['Size', String(row.bytes)],
    ['SHA256', row.sha256],
  ];
  const last = fields.findIndex(([name]) => name === 'Description');
  return formatStanza(last < 0 ? [...fields, ...place] : [...fields.slice(0, last), ...place, ...fields.slice(last)]);
}

/** Holds for rows that no index names any more as well: their files are put into the pool all the same. RennetError `publish-refused`. */
export function requirePlace(row: ArchiveRow): void {
  if (!/^pool(\/[a-z0-9][A-Za-z0-9.+~_-]*)+\.deb$/.test(row.pool)) throw refused(row, 'has no clean path in the pool');
  if (!/^[0-9a-f]{64}$/.test(row.sha256) || !Number.isSafeInteger(row.bytes)) throw refused(row, 'has no hash');
}

function readStanza(row: ArchiveRow): Stanza {
  const [stanza, ...more] = parseStanzas(row.control);
  if (!stanza || more.length > 0) throw refused(row, 'has not exactly one control stanza');
  for (const name of stanza.keys()) if (!FIELDS.has(name)) throw refused(row, `has the field ${name}`);
  return stanza;
}

function linesOf(value: string): string[] {
  return value.split('\n').map((line, index) => (index === 0 ? line : line.replace(/^ (?:\.$)?/, '')));
}

function refused(row: ArchiveRow, why: string): RennetError {
  return new RennetError(
    'publish-refused',
    `${row.package} ${row.version} (${row.architecture}) ${why}; the archive was not changed.`,
    `Take it out with: rennet remove ${row.package}`,
  );
}
