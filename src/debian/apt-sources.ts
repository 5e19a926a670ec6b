import type { Target } from '../model/target.ts';

/** One entry of sources.list(5), whichever of its two formats it was written in. */
export interface SourceEntry {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** deb822 field names as apt spells them (`Signed-By`), values with their continuation lines. */
  readonly options: Readonly<Record<string, string>>;
}

/** What the host is: decides which of its entries are the distribution's own. */
export interface HostRelease {
  readonly family: 'debian' | 'ubuntu';
  readonly codename: string;
}

/** Options that matter for trust and freshness; all others (Languages, Targets, …) are decided by the private root. */
const KEPT_OPTIONS: readonly string[] = [
  'Signed-By',
  'Trusted',
  'Check-Valid-Until',
  'Valid-Until-Max',
  'Valid-Until-Min',
  'Check-Date',
  'Date-Max-Future',
  'By-Hash',
  'Allow-Insecure',
  'Allow-Weak',
];
/** Names that mean "a release of Debian" and change their meaning with time. */
const ALIASES = {
  debian: ['stable', 'oldstable', 'oldoldstable', 'testing', 'unstable', 'sid'],
  ubuntu: ['devel'],
} as const;

/** Reads a file of sources.list(5) format; `.sources` is deb822, everything else one line an entry. Only enabled `deb` entries come back. */
export function parseSources(name: string, text: string): SourceEntry[] {
  return name.endsWith('.sources') ? parseDeb822(text) : parseLines(text);
}

function parseDeb822(text: string): SourceEntry[] {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const [, key = '', value = ''] of stanza.matchAll(/^([A-Za-z][\w-]*)[ \t]*:(.*(?:\n[ \t].*)*)/gm)) {
      fields.set(key.toLowerCase(), value.trim());
    }
    const words = (key: string): string[] => (fields.get(key) ?? '').split(/\s+/).filter((word) => word !== '');
    const enabled = !/^(no|false|0|off|without|disable)$/i.test(fields.get('enabled') ?? 'yes');
    if (!enabled || !words('types').includes('deb')) return [];
    return [
      {
        uris: words('uris'),
        suites: words('suites'),
        components: words('components'),
        options: keptOptions((option) => fields.get(option), words('architectures')),
      },
    ];
  });
}

function parseLines(text: string): SourceEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?([^\s[]+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) return [];
    const [, optionText = '', uri = '', suite = '', components = ''] = match;
    const options = new Map<string, string>();
    for (const [, key = '', value = ''] of optionText.matchAll(/([\w-]+)\s*=\s*(\S+)/g)) {
      options.set(key.toLowerCase(), value.replaceAll(',', ' '));
    }
    const architectures = (options.get('arch') ?? '').split(' ').filter((word) => word !== '');
    return [
      {
        uris: [uri],
        suites: [suite],
        components: components.split(/\s+/).filter((word) => word !== ''),
        options: keptOptions((option) => options.get(option), architectures),
      },
    ];
  });
}

function keptOptions(
  valueOf: (lowerCase: string) => string | undefined,
  architectures: string[],
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const option of KEPT_OPTIONS) {
    const value = valueOf(option.toLowerCase());
    if (value !== undefined && value !== '') kept[option] = value;
  }
  if (architectures.length > 0) kept['Architectures'] = architectures.join(' ');
  return kept;
}

/**
 * The target's official sources, from the host's entries: those of the target's own suite where the host has them, else those of
 * the host's release with the suite's name replaced. Backports, proposed updates and other people's suites are left out; what calls itself
 * by the release's name without being the distribution is left out by `isForeign(uri, suite)`.
 */
export function officialSources(
  entries: readonly SourceEntry[],
  host: HostRelease,
  target: Target,
  isForeign: (uri: string, suite: string) => boolean,
): SourceEntry[] {
  const own = selectParts(entries, [target.suite], host.family, target, isForeign);
  if (own.some((entry) => entry.suites[0] === target.suite)) return own;
  return selectParts(entries, [host.codename, ...ALIASES[host.family]], host.family, target, isForeign);
}

function selectParts(
  entries: readonly SourceEntry[],
  names: readonly string[],
  family: HostRelease['family'],
  target: Target,
  isForeign: (uri: string, suite: string) => boolean,
): SourceEntry[] {
  const found = new Map<string, SourceEntry>();
  for (const entry of entries) {
    if (!entry.components.includes('main')) continue;
    // `arch=` of an entry counts: Ubuntu keeps arm64 on another mirror than amd64.
    const only = entry.options['Architectures'];
    if (only !== undefined && !only.split(' ').includes(target.architecture)) continue;
    for (const suite of entry.suites) {
      const part = partOf(suite, names);
      // sid has neither updates nor a security part.
      if (part === undefined || (target.suite === 'sid' && part !== '')) continue;
      const uris = entry.uris.filter((uri) => !uri.startsWith('cdrom:') && !isForeign(uri, suite));
      for (const uri of uris) {
        const options = { ...entry.options, Architectures: target.architecture };
        const components = family === 'ubuntu' ? ['main', 'universe'] : ['main'];
        found.set(`${uri} ${part}`, { uris: [uri], suites: [target.suite + part], components, options });
      }
    }
  }
  return [...found.values()];
}

/** Which part of a release a suite is: '' for the release itself, `-updates`, `-security`; undefined for anything else. */
function partOf(suite: string, names: readonly string[]): '' | '-updates' | '-security' | undefined {
  for (const name of names) {
    if (suite === name) return '';
    if (suite === `${name}-updates`) return '-updates';
    if (suite === `${name}-security`) return '-security';
  }
  return undefined;
}

/** Writes entries as a deb822 `.sources` file. */
export function formatSources(entries: readonly SourceEntry[]): string {
  return entries
    .map((entry) =>
      [
        'Types: deb',
        `URIs: ${entry.uris.join(' ')}`,
        `Suites: ${entry.suites.join(' ')}`,
        `Components: ${entry.components.join(' ')}`,
        ...Object.entries(entry.options).map(([key, value]) => `${key}: ${value}`),
        '',
      ].join('\n'),
    )
    .join('\n');
}
