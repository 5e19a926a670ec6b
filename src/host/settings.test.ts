import { expect, test } from 'vitest';
import { parseSettings, PLAIN_SUITE } from './settings.ts';

const NOBLE = `
[suite.noble]
tag = "ubuntu24.04"

[[suite.noble.source]]
uris = ["http://archive.example.org/ubuntu"]
suites = ["noble", "noble-updates", "noble-security"]
components = ["main", "universe"]
keyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
architectures = ["amd64", "i386"]

[suite.noble.kernel]
amd64 = "linux-image-virtual"
`;

test('a suite of another distribution is described by its sources, kernel and tag', () => {
  expect(parseSettings(NOBLE, 'c').suite['noble']).toMatchObject({
    tag: 'ubuntu24.04',
    kernel: { amd64: 'linux-image-virtual' },
    contents: 'signed',
    source: [{ components: ['main', 'universe'], architectures: ['amd64', 'i386'] }],
  });
});

test('nothing said, nothing changed', () => {
  expect(parseSettings('', 'c')).toEqual({ database: {}, suite: {} });
  expect(PLAIN_SUITE).toEqual({ source: [], kernel: {}, contents: 'signed' });
});

test.each([
  ['suite = 5', 'suite: '],
  ['[suites.noble]', 'suites is no known key'],
  ['[suite.noble]\ntags = "x"', 'suite.noble.tags is no known key'],
  ['[suite.noble]\ntag = "24.04"', 'suite.noble.tag: "24.04" is no suite tag'],
  ['[suite."No Suite"]', 'suite.No Suite: "No Suite" is no name of a suite'],
  ['[[suite.noble.source]]\nkeyring = "/k.gpg"', 'suite.noble.source.0.uris: '],
  ['[[suite.noble.source]]\nuris = ["http://m.example.org"]', 'suite.noble.source.0.keyring: '],
  [NOBLE.replace('"/usr/share', '"usr/share'), 'suite.noble.source.0.keyring: must be an absolute path'],
  [
    NOBLE.replace('"http:', '"cdrom:'),
    'suite.noble.source.0.uris.0: "cdrom://archive.example.org/ubuntu" is no address',
  ],
  [NOBLE.replace('["main", "universe"]', '[]'), 'suite.noble.source.0.components: an empty list says nothing'],
  [NOBLE.replace('"main"', '"main\\nTrusted: yes"'), 'is no component'],
  [NOBLE.replace('"i386"', '"riscv64"'), 'suite.noble.source.0.architectures.1: '],
  [
    NOBLE.replace('linux-image-virtual', 'linux; reboot'),
    'suite.noble.kernel.amd64: "linux; reboot" is no kernel package',
  ],
  [NOBLE.replace('amd64 = ', 'i386 = '), 'suite.noble.kernel.i386 is no known key'],
  ['[suite.noble]\ncontents = "none"', 'suite.noble.contents: '],
  ['[suite.noble]\nmirror-disk = "mirror.img"', 'suite.noble.mirror-disk: must be an absolute path'],
  ['[suite.noble', 'Invalid TOML document'],
])('a mistake is one sentence with file and key: %j', (toml, said) => {
  const thrown = (() => {
    try {
      return parseSettings(toml, '/state/config.toml');
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toMatchObject({ code: 'bad-usage', hint: expect.stringContaining('docs/operations.md') });
  const { message } = thrown as Error;
  expect(message).toMatch(/^\/state\/config\.toml cannot be read as settings: .*[^.]\.$/);
  expect(message).toContain(said);
});
