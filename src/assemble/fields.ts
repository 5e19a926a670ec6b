import type { DebianRelations } from '../debian/pypi-version.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { CoreMetadata } from '../model/release.ts';
import { requiresPythonLine } from './ledger.ts';
import type { Licence } from './licence.ts';

/** What the package says, as far as fields of the upstream are concerned. */
export interface FieldTargets {
  readonly metadata: CoreMetadata;
  /** Paths of the licence texts below dist-info. */
  readonly licenceFiles: readonly string[];
  readonly licence: Licence;
  readonly homepage: string | undefined;
  readonly synopsis: string;
  readonly python: Pick<DebianRelations, 'relations' | 'approximated'>;
  readonly package: string;
  readonly provides: string;
  /** Debian version. */
  readonly version: string;
}

type Fate = Pick<LedgerLine, 'fate' | 'detail'>;
type Translation = (value: string, targets: FieldTargets) => Fate;

const translated = (detail: string): Fate => ({ fate: 'translated', detail });
const approximated = (detail: string): Fate => ({ fate: 'approximated', detail });
const leftOut = (detail: string): Fate => ({ fate: 'left-out', detail });
/** importlib.metadata reads METADATA, which the package has byte for byte; Debian has no field for it. */
const kept: Translation = () => translated('stays in METADATA');
const contact: Translation = () => translated('copyright: Upstream-Contact');
const foreign: Translation = () => leftOut('relations to other packages are what Rennet works out; stays in METADATA');

/** Requires-Dist and Provides-Extra have lines of their own, by the resolver. */
const ELSEWHERE = new Set(['requires-dist', 'provides-extra']);
/** The newest Metadata-Version whose fields are all known here (PEP 794). */
const KNOWN_MINOR = 5;

/** Every field of the core metadata (packaging.python.org), by its name in lower case. */
const TRANSLATIONS: ReadonlyMap<string, Translation> = new Map([
  ['metadata-version', metadataVersion],
  ['name', (_, { package: name, provides }) => translated(`Package: ${name}; Provides: ${provides}`)],
  ['version', (_, { version }) => translated(`Version: ${version}`)],
  ['summary', summary],
  ['description', () => approximated('Description: its first paragraphs as plain text; all of it stays in METADATA')],
  ['description-content-type', () => translated('decides how the description is read')],
  ['home-page', (value, targets) => address(value, targets)],
  ['project-url', (value, targets) => address(value.slice(value.indexOf(',') + 1).trim(), targets)],
  ['license', (_, { licence }) => stated(licence, licence.from === 'field' || licence.from === 'text')],
  ['license-expression', (_, { licence }) => stated(licence, licence.from === 'expression')],
  ['license-file', licenceFile],
  ['classifier', classifier],
  ['requires-python', (_, { metadata, python }) => requiresPythonLine(metadata.requiresPython ?? '', python)],
  ['author', contact],
  ['author-email', contact],
  ['maintainer', contact],
  ['maintainer-email', contact],
  ...['keywords', 'download-url', 'platform', 'supported-platform', 'dynamic', 'import-name', 'import-namespace'].map(
    (name): [string, Translation] => [name, kept],
  ),
  ['requires-external', () => leftOut('names something outside of Python that no package stands for')],
  ...['requires', 'provides', 'provides-dist', 'obsoletes', 'obsoletes-dist'].map((name): [string, Translation] => [
    name,
    foreign,
  ]),
]);
const REPEATABLE = new Set(
  `classifier dynamic import-name import-namespace license-file obsoletes obsoletes-dist platform project-url provides
   provides-dist requires requires-external supported-platform`.split(/\s+/),
);

/** One line for each field of the metadata, in their order; a licence that nothing states has one too. Pure. */
export function fieldLines(targets: FieldTargets): LedgerLine[] {
  const { metadata, licence } = targets;
  const seen = new Set<string>();
  const lines = fieldsOf(metadata).flatMap(({ name, value }): LedgerLine[] => {
    const key = name.toLowerCase();
    if (ELSEWHERE.has(key)) return [];
    const isFirst = !seen.has(key);
    seen.add(key);
    return [{ kind: 'field', fact: factOf(name, value), ...fateOf(key, value, isFirst, targets) }];
  });
  if (licence.from === 'nothing' && !lines.some(({ fact }) => /^License/i.test(fact)))
    lines.push({ kind: 'field', fact: 'License', ...stated(licence, false) });
  return lines;
}

/** The body is the description where no field says it. */
function fieldsOf({ fields, description }: CoreMetadata): CoreMetadata['fields'] {
  const isField = fields.some(({ name }) => name.toLowerCase() === 'description');
  return isField || description === undefined ? fields : [...fields, { name: 'Description', value: description }];
}

/** As upstream wrote it; of texts the first line. */
export function factOf(name: string, value: string): string {
  const [first = '', ...more] = value.trim().split('\n');
  const shown = first.length > 200 ? first.slice(0, 200) : first;
  return `${name}: ${shown}${more.length > 0 || shown !== first ? ' …' : ''}`;
}

function fateOf(key: string, value: string, isFirst: boolean, targets: FieldTargets): Fate {
  if (value === '' || value === 'UNKNOWN') return leftOut('says nothing');
  if (!isFirst && !REPEATABLE.has(key)) return leftOut('is there more than once; the first one counts');
  const translation = TRANSLATIONS.get(key);
  if (!translation) return leftOut('Rennet does not know this field; it stays in METADATA');
  const { fate, detail } = translation(value, targets);
  return { fate, detail };
}

/** "Tools should warn" about a later minor version, and go on (core metadata specification). */
function metadataVersion(value: string): Fate {
  const [, minor = ''] = /^2\.(\d+)$/.exec(value) ?? [];
  return Number(minor) > KNOWN_MINOR
    ? approximated(`read as 2.${KNOWN_MINOR}; fields that are newer stay in METADATA`)
    : translated('stays in METADATA');
}

function summary(value: string, { synopsis }: FieldTargets): Fate {
  return value === synopsis ? translated('Description') : approximated(`Description: ${synopsis}`);
}

function address(url: string, { homepage }: FieldTargets): Fate {
  return url === homepage ? translated(`Homepage: ${homepage}`) : translated('stays in METADATA');
}

function stated(licence: Licence, isSource: boolean): Fate {
  if (licence.from === 'nothing') return leftOut('copyright: unknown; no licence that could be read');
  return isSource
    ? translated(`copyright: ${licence.name}`)
    : approximated(`copyright: ${licence.name}, by the ${licence.from} of the release; stays in METADATA`);
}

function classifier(value: string, { licence }: FieldTargets): Fate {
  if (!value.startsWith('License ::')) return translated('stays in METADATA');
  return stated(licence, licence.from === 'classifier');
}

/** PEP 639 has them below licenses/; before that setuptools put them beside METADATA, without their folders. */
function licenceFile(value: string, { licenceFiles }: FieldTargets): Fate {
  const base = value.split('/').at(-1) ?? value;
  const name = [`licenses/${value}`, value, base].find((each) => licenceFiles.includes(each));
  return name === undefined
    ? leftOut('the wheel has no such text')
    : translated(`copyright, and ${name} beside METADATA`);
}
