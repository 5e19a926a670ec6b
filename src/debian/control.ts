import { RennetError } from '../model/errors.ts';
import { formatStanza } from './deb822.ts';
import type { Description } from './description.ts';
import { formatRelations, parseRelations } from './relation.ts';
import { isDebianVersion } from './version.ts';

export { type Description, descriptionFrom } from './description.ts';

/**
 * All fields that a package of Rennet can have. There is no way to write Essential, Pre-Depends, Conflicts, Replaces,
 * Breaks or Multi-Arch: each of these took a machine over or removed foreign packages in trials (ADMISSION.md).
 */
export interface ControlFields {
  readonly package: string;
  /** Source package name, where it differs from `package`. */
  readonly source?: string;
  readonly version: string;
  readonly architecture: string;
  /** `Name <address>` of the one who runs this Rennet. */
  readonly maintainer: string;
  readonly installedSizeKiB: number;
  /** One relation each, alternatives with ` | `. */
  readonly depends: readonly string[];
  readonly suggests?: readonly string[];
  /** Only `pypi-dist-<project> (= <version>)`. */
  readonly provides: readonly string[];
  readonly homepage?: string;
  readonly description: Description;
}

/**
 * Writes the text of `control`, every value checked.
 * Errors: `defect`: the caller gave a value that may not leave Rennet; nothing is mended here.
 */
export function writeControl(fields: ControlFields): string {
  const list: [string, string | readonly string[]][] = [
    ['Package', check('Package', fields.package, isPackageName)],
    ['Version', check('Version', fields.version, isDebianVersion)],
    ['Architecture', check('Architecture', fields.architecture, (text) => /^(all|[a-z0-9]+)$/.test(text))],
    ['Maintainer', check('Maintainer', fields.maintainer, isMaintainer)],
    ['Installed-Size', check('Installed-Size', String(fields.installedSizeKiB), (text) => /^\d{1,12}$/.test(text))],
    ['Section', 'python'],
    ['Priority', 'optional'],
    ['Description', checkDescription(fields.description)],
  ];
  if (fields.source !== undefined) list.splice(1, 0, ['Source', check('Source', fields.source, isPackageName)]);
  const relations: [string, readonly string[]][] = [
    ['Depends', fields.depends],
    ['Suggests', fields.suggests ?? []],
    ['Provides', fields.provides],
  ];
  const beforeSection = list.findIndex(([name]) => name === 'Section');
  list.splice(
    beforeSection,
    0,
    ...relations
      .filter(([, values]) => values.length > 0)
      .map(([name, values]): [string, string] => [name, relationField(name, values)]),
  );
  if (fields.homepage !== undefined) list.splice(-1, 0, ['Homepage', check('Homepage', fields.homepage, isHomepage)]);
  return formatStanza(list);
}

/** Policy 5.6.1: at least two of lower-case letters, digits, `+`, `-`, `.`. */
export function isPackageName(text: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]{1,199}$/.test(text);
}

/** True for an http or https address without blanks, control characters and user names that may stand in Homepage. */
export function isHomepage(text: string): boolean {
  if (!/^https?:\/\/[!-~]{1,500}$/.test(text) || /[<>"\\^`{|}]/.test(text) || !URL.canParse(text)) return false;
  const { username, password, hostname } = new URL(text);
  return username === '' && password === '' && hostname !== '';
}

/** `Name <address>`, as policy 5.6.2 has it. */
export function isMaintainer(text: string): boolean {
  return /^[^\p{C}<>@,]{1,100} <[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>$/u.test(text);
}

function relationField(name: string, values: readonly string[]): string {
  const parsed = values.map((value) => {
    const relations = check(name, value, (text) => /^[ -~]{1,500}$/.test(text) && !text.includes(','));
    return parseRelations(relations)[0] ?? [];
  });
  for (const relation of parsed.flat()) {
    check(name, relation.package, isPackageName);
    // Restrictions belong to source packages; a Provides of anything else takes the place of an official package.
    const refused = relation.architectures ?? relation.profiles;
    const provides = relation.package.startsWith('pypi-dist-') && relation.bound?.operator === '=';
    if (refused || (name === 'Provides' && !provides)) throw refusal(name, relation.package);
  }
  return formatRelations(parsed);
}

/** Policy 5.6.13 and 3.4.1: one line of at most 80 characters, then lines that begin with one blank; ` .` and more is reserved. */
function checkDescription(description: Description): string[] {
  const synopsis = check(
    'Description',
    description.synopsis,
    (text) => text !== '' && text.length <= 80 && isPlainText(text),
  );
  const lines = description.extended.map((line) =>
    check('Description', line, (text) => text.length <= 200 && isPlainText(text) && !/^\s*\./.test(text)),
  );
  return [synopsis, ...lines];
}

/** No control, format (bidi, zero width), private, surrogate or unassigned characters, no odd separators. */
function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
}

function check(name: string, value: string, isFine: (text: string) => boolean): string {
  if (!isFine(value)) throw refusal(name, value);
  return value;
}

function refusal(name: string, value: string): RennetError {
  return new RennetError('defect', `The control field ${name} may not be ${JSON.stringify(value.slice(0, 120))}.`);
}
