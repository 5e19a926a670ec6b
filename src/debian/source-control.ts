import { RennetError } from '../model/errors.ts';
import { isHomepage, isMaintainer, isPackageName } from './control.ts';
import { formatStanza, type Stanza } from './deb822.ts';
import { parseRelations } from './relation.ts';
import { isDebianVersion } from './version.ts';

/** A source package with one binary package. */
export interface SourceFields {
  readonly source: string;
  readonly version: string;
  readonly maintainer: string;
  /** One relation each, alternatives with ` | `. */
  readonly buildDepends: readonly string[];
  readonly architecture: 'all' | 'any';
  /** The control stanza of the binary package that Rennet made. */
  readonly binary: Stanza;
  /** Its Depends as the source package has them; substitution variables (deb-substvars(5)) are allowed. */
  readonly depends: readonly string[];
}

export interface SourceFile {
  readonly name: string;
  readonly bytes: number;
  readonly md5: string;
  readonly sha1: string;
  readonly sha256: string;
}

/** The version of Debian policy that the folder was written by. */
const STANDARDS = '4.6.2';
/** What the build fills in itself, what belongs to the source stanza, and Rennet's own mark (Provides). */
const NOT_CARRIED = new Set(
  'package source version architecture maintainer installed-size section priority depends provides homepage'.split(' '),
);

/**
 * `debian/control`: the source stanza, then the binary package's with the fields that Rennet gave it. Errors: `defect` for a value that may not
 * stand there; `bad-deb822`.
 */
export function writeSourceControl(fields: SourceFields): string {
  const { binary } = fields;
  const homepage = checkedHomepage(binary);
  const source = formatStanza([
    ['Source', check('Source', fields.source, isPackageName)],
    ['Section', 'python'],
    ['Priority', 'optional'],
    ['Maintainer', check('Maintainer', fields.maintainer, isMaintainer)],
    ['Build-Depends', relations('Build-Depends', fields.buildDepends)],
    ['Standards-Version', STANDARDS],
    ['Rules-Requires-Root', 'no'],
    ...homepage,
  ]);
  const carried = [...binary].filter(([name]) => !NOT_CARRIED.has(name.toLowerCase()));
  const stanza = formatStanza([
    ['Package', packageOf(binary)],
    ['Architecture', fields.architecture],
    ['Depends', relations('Depends', fields.depends)],
    ...carried.map(([name, value]): [string, string[]] => [name, linesOf(value)]),
  ]);
  return `${source}\n${stanza}`;
}

/** The `.dsc` of format 3.0 (quilt), unsigned (dsc(5)). Errors: as writeSourceControl. */
export function writeDsc(fields: SourceFields, files: readonly SourceFile[]): string {
  const name = packageOf(fields.binary);
  const sums = (of: 'md5' | 'sha1' | 'sha256') => [
    '',
    ...files.map((file) => `${file[of]} ${file.bytes} ${file.name}`),
  ];
  return formatStanza([
    ['Format', '3.0 (quilt)'],
    ['Source', check('Source', fields.source, isPackageName)],
    ['Binary', name],
    ['Architecture', fields.architecture],
    ['Version', check('Version', fields.version, isDebianVersion)],
    ['Maintainer', check('Maintainer', fields.maintainer, isMaintainer)],
    ...checkedHomepage(fields.binary),
    ['Standards-Version', STANDARDS],
    ['Build-Depends', relations('Build-Depends', fields.buildDepends)],
    ['Package-List', ['', `${name} deb python optional arch=${fields.architecture}`]],
    ['Checksums-Sha1', sums('sha1')],
    ['Checksums-Sha256', sums('sha256')],
    ['Files', sums('md5')],
  ]);
}

function packageOf(binary: Stanza): string {
  return check('Package', binary.get('Package') ?? '', isPackageName);
}

function checkedHomepage(binary: Stanza): [string, string][] {
  const homepage = binary.get('Homepage');
  return homepage === undefined ? [] : [['Homepage', check('Homepage', homepage, isHomepage)]];
}

/**
 * The lines of a field for formatStanza. dpkg-gencontrol expands substitution variables in every field, so that a description with
 * `${…}` in it would lose or gain text; `${}` stands for a dollar sign (deb-substvars(5)).
 */
function linesOf(value: string): string[] {
  return value
    .replaceAll('${', '${}{')
    .split('\n')
    .map((line, index) => (index === 0 ? line : line.slice(1)))
    .map((line) => (line.trim() === '.' ? '' : line));
}

function relations(name: string, values: readonly string[]): string {
  for (const value of values) {
    if (/^\$\{(?:misc|python3|shlibs):Depends\}$/.test(value)) continue;
    const isPlain = /^[ -~]{1,500}$/.test(value) && !/[,$]/.test(value);
    if (
      !isPlain ||
      parseRelations(value)
        .flat()
        .some((relation) => !isPackageName(relation.package))
    )
      throw refusal(name, value);
  }
  return values.join(', ');
}

function check(name: string, value: string, isFine: (text: string) => boolean): string {
  if (!isFine(value)) throw refusal(name, value);
  return value;
}

function refusal(name: string, value: string): RennetError {
  return new RennetError(
    'defect',
    `The field ${name} of a source package may not be ${JSON.stringify(value.slice(0, 120))}.`,
  );
}
