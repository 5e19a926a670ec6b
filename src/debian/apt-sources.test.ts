import { expect, test } from 'vitest';
import { formatSources, officialSources, parseSources } from './apt-sources.ts';

const DEBIAN = `# comment
Types: deb deb-src
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
`;
const HOST = { family: 'debian', codename: 'bookworm' } as const;
const NONE = (): boolean => false;

function suitesOf(text: string, suite: string, isForeign: (uri: string) => boolean = NONE): string[] {
  const entries = officialSources(parseSources('x.sources', text), HOST, { suite, architecture: 'amd64' }, isForeign);
  return entries.map((entry) => `${entry.uris[0]} ${entry.suites[0]} ${entry.components.join('+')}`);
}

test.each([
  ['deb http://m.example.org/debian bookworm main # note', ['http://m.example.org/debian'], ['bookworm'], ['main'], {}],
  [
    ' deb [arch=amd64,arm64 signed-by=/k.gpg lang=de] https://m.example.org/d bookworm/updates main contrib',
    ['https://m.example.org/d'],
    ['bookworm/updates'],
    ['main', 'contrib'],
    { 'Signed-By': '/k.gpg', Architectures: 'amd64 arm64' },
  ],
])('one-line entry %s', (line, uris, suites, components, options) => {
  expect(
    parseSources('sources.list', `${line}\n# deb http://no.example.org x main\ndeb-src http://no.example.org x main\n`),
  ).toEqual([{ uris, suites, components, options }]);
});

test('deb822 entries: comments, disabled stanzas and source types are skipped, an embedded key is kept whole', () => {
  const entries = parseSources('debian.sources', DEBIAN);
  expect(entries.map((entry) => entry.uris[0])).toEqual([
    'http://mirror.example.org/debian',
    'http://mirror.example.org/debian-security',
  ]);
  expect(entries[1]?.options['Signed-By']).toContain('\n .\n abc');
  expect(parseSources('again.sources', formatSources(entries))).toEqual(entries);
});

test("the host's own suite: release, updates and security in main, no backports", () => {
  expect(suitesOf(DEBIAN, 'bookworm')).toEqual([
    'http://mirror.example.org/debian bookworm main',
    'http://mirror.example.org/debian bookworm-updates main',
    'http://mirror.example.org/debian-security bookworm-security main',
  ]);
});

test('another suite comes from the same mirror; sid has neither updates nor security', () => {
  expect(suitesOf(DEBIAN, 'trixie')).toEqual([
    'http://mirror.example.org/debian trixie main',
    'http://mirror.example.org/debian trixie-updates main',
    'http://mirror.example.org/debian-security trixie-security main',
  ]);
  expect(suitesOf(DEBIAN, 'sid')).toEqual(['http://mirror.example.org/debian sid main']);
});

test('stanzas of the target itself win over renamed ones of the host', () => {
  const both = `${DEBIAN}\nTypes: deb\nURIs: http://sid.example.org/debian\nSuites: sid\nComponents: main\n`;
  expect(suitesOf(both, 'sid')).toEqual(['http://sid.example.org/debian sid main']);
});

test('a vendor that borrows the codename is left out', () => {
  const vendor = `${DEBIAN}\nTypes: deb\nURIs: http://vendor.example.org/apt\nSuites: bookworm\nComponents: main\n`;
  expect(suitesOf(vendor, 'bookworm')).toContain('http://vendor.example.org/apt bookworm main');
  expect(suitesOf(vendor, 'bookworm', (uri) => uri.includes('vendor')).join()).not.toContain('vendor');
});

test('Ubuntu: universe is official too; an entry for other architectures is not used', () => {
  const text =
    'deb [arch=amd64] http://u.example.org/ubuntu noble main\ndeb [arch=arm64] http://ports.example.org/ubuntu noble main\n';
  const target = { suite: 'noble', architecture: 'arm64' } as const;
  const entries = officialSources(parseSources('a.list', text), { family: 'ubuntu', codename: 'noble' }, target, NONE);
  expect(entries).toEqual([
    {
      uris: ['http://ports.example.org/ubuntu'],
      suites: ['noble'],
      components: ['main', 'universe'],
      options: { Architectures: 'arm64' },
    },
  ]);
});
