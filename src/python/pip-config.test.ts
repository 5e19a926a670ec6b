import { expect, test } from 'vitest';
import { parseNetrc } from './netrc.ts';
import { isSwitchedOn, parseConfigFiles, parseDefaultIndex, parsePipConfig } from './pip-config.ts';

test('environment beats the install section, which beats the global one, whatever the order of lines', () => {
  const config = parsePipConfig(
    [
      ":env:.index-url='https://env.example.org/simple'",
      "global.cert='/etc/ca.crt'",
      "global.index-url='https://global.example.org/simple'",
      "global.timeout='5'",
      "install.index-url='https://install.example.org/simple'",
      "install.timeout='7'",
      "download.cert='/other.crt'",
    ].join('\n'),
  );
  expect(Object.fromEntries(config)).toEqual({
    'index-url': 'https://env.example.org/simple',
    cert: '/etc/ca.crt',
    timeout: '7',
  });
});

test('values are read as Python writes them', () => {
  const config = parsePipConfig(
    "global.find-links='/a\\n/b'\nglobal.proxy=\"it's\"\nglobal.cert='caf\\xe9\\u20ac\\\\'\nglobal.INDEX_URL='x=y'",
  );
  expect(Object.fromEntries(config)).toEqual({
    'find-links': '/a\n/b',
    proxy: "it's",
    cert: 'café€\\',
    'index-url': 'x=y',
  });
});

test('the built-in index is found in wrapped help', () => {
  const help = `
  -i, --index-url <url>       Base URL of the Python Package Index (default
                              https://index.example.org/simple). This should
                              point to a repository.
  --extra-index-url <url>     Extra URLs (default nothing).`;
  expect(parseDefaultIndex(help)).toBe('https://index.example.org/simple');
  expect(parseDefaultIndex('  --other (default x)')).toBeUndefined();
});

test('configuration files are listed whether they exist or not', () => {
  const debug =
    'env:\nglobal:\n  /etc/xdg/pip/pip.conf, exists: False\n  /etc/pip.conf, exists: True\n    global.cert: /x\n';
  expect(parseConfigFiles(debug)).toEqual(['/etc/xdg/pip/pip.conf', '/etc/pip.conf']);
});

test('switches are those of pip', () => {
  expect(['1', 'true', 'Yes', 'on'].every(isSwitchedOn)).toBe(true);
  expect(['0', 'false', 'no', '', undefined].some(isSwitchedOn)).toBe(false);
});

test.each([
  ['machine a.example.org login me password s3cret', 'a.example.org', { username: 'me', password: 's3cret' }],
  [
    'machine a.example.org\n  login me\n  account x\n  password "with \\"blank\\" s"',
    'A.example.org',
    { username: 'me', password: 'with "blank" s' },
  ],
  [
    'machine b.example.org login x password y\ndefault login any password z',
    'a.example.org',
    { username: 'any', password: 'z' },
  ],
  ['# machine a.example.org login x password y\nmachine b.example.org login x password y', 'a.example.org', undefined],
  [
    'macdef init\nmachine a.example.org login no password no\n\nmachine a.example.org login me password p',
    'a.example.org',
    { username: 'me', password: 'p' },
  ],
])('netrc %#', (text, host, login) => {
  expect(parseNetrc(text, host)).toEqual(login);
});
