import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type IndexPage, parseIndexPage } from './index-page.ts';

const HASH = 'ab'.repeat(32);
const ADDRESS = 'https://index.example.org/simple/foo/';

function json(files: readonly object[], more: object = {}): IndexPage {
  const body = JSON.stringify({ meta: { 'api-version': '1.3' }, name: 'Foo', files, ...more });
  return { contentType: 'application/vnd.pypi.simple.v1+json; charset=utf-8', url: ADDRESS, body };
}

function html(body: string): IndexPage {
  return { contentType: 'text/html; charset=utf-8', url: ADDRESS, body };
}

test('JSON: every field that Rennet reads', () => {
  const project = parseIndexPage(
    json([
      {
        filename: 'foo-1.0.tar.gz',
        url: '../../packages/foo-1.0.tar.gz',
        hashes: { sha256: HASH.toUpperCase(), md5: 'x' },
        size: 12,
        'requires-python': '>=3.9',
        'upload-time': '2024-10-26T00:50:33.425893Z',
        yanked: false,
      },
      {
        filename: 'foo-1.1-py3-none-any.whl',
        url: 'https://files.example.org/w',
        yanked: 'broken',
        'core-metadata': { sha256: HASH },
      },
      { filename: 'foo-1.2-py3-none-any.whl', url: 'https://files.example.org/v', yanked: true, 'core-metadata': true },
      {
        filename: 'foo-1.3-py3-none-any.whl',
        url: 'https://files.example.org/u',
        'core-metadata': false,
        'requires-python': null,
      },
      {
        filename: 'foo-1.4-py3-none-any.whl',
        url: 'https://files.example.org/t',
        'dist-info-metadata': { sha256: HASH },
      },
    ]),
    'foo',
  );
  expect(project.releases.map(({ version }) => version)).toEqual(['1.4', '1.3', '1.2', '1.1', '1.0']);
  const [v14, v13, v12, v11, v10] = project.releases.map(({ files }) => files[0]);
  expect(v10).toEqual({
    filename: 'foo-1.0.tar.gz',
    url: 'https://index.example.org/packages/foo-1.0.tar.gz',
    kind: 'sdist',
    sha256: HASH,
    bytes: 12,
    requiresPython: '>=3.9',
    uploadedAt: '2024-10-26T00:50:33.425893Z',
  });
  expect(v11).toMatchObject({ yanked: 'broken', metadataSha256: HASH });
  expect(v12).toMatchObject({ yanked: true, metadataSha256: true });
  expect(v13).toEqual({ filename: 'foo-1.3-py3-none-any.whl', url: 'https://files.example.org/u', kind: 'wheel' });
  expect(v14).toMatchObject({ metadataSha256: HASH });
});

test('HTML: base, relative addresses, entities, yanks, hashes, announced metadata', () => {
  const project = parseIndexPage(
    html(`<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">
      <base href="https://files.example.org/a/"><base href="https://wrong.example.org/"></head><body>
      <a href="b/foo-1.0.tar.gz#sha256=${HASH}" data-requires-python="&gt;=3.7,&lt;4">foo-1.0.tar.gz</a><br>
      <a href="/c/foo-1.1-py3-none-any.whl#egg=foo&sha256=${HASH}" data-yanked="" data-dist-info-metadata="true">foo-1.1-py3-none-any.whl</a>
      <a href="foo-1.2-py3-none-any.whl#md5=0123456789abcdef0123456789abcdef" data-yanked="a &amp; b"
         data-core-metadata="sha256=${HASH}" data-dist-info-metadata="true"></a>
      <a name="top">foo-9.0.tar.gz</a></body></html>`),
    'foo',
  );
  const [v12, v11, v10] = project.releases.map(({ files }) => files[0]);
  expect(project.releases).toHaveLength(3);
  expect(v10).toEqual({
    filename: 'foo-1.0.tar.gz',
    url: 'https://files.example.org/a/b/foo-1.0.tar.gz',
    kind: 'sdist',
    sha256: HASH,
    requiresPython: '>=3.7,<4',
  });
  expect(v11).toEqual({
    filename: 'foo-1.1-py3-none-any.whl',
    url: 'https://files.example.org/c/foo-1.1-py3-none-any.whl',
    kind: 'wheel',
    sha256: HASH,
    yanked: true,
    metadataSha256: true,
  });
  // An md5 proves nothing: as if there were none.
  expect(v12).toEqual({
    filename: 'foo-1.2-py3-none-any.whl',
    url: 'https://files.example.org/a/foo-1.2-py3-none-any.whl',
    kind: 'wheel',
    yanked: 'a & b',
    metadataSha256: HASH,
  });
});

test.each([
  '../../etc/cron.d/foo-1.0.tar.gz',
  'foo-1.0/../x.tar.gz',
  '..\\foo-1.0.tar.gz',
  '.foo-1.0.tar.gz',
  '-foo-1.0.tar.gz',
  'foo-1.0\n.tar.gz',
  'bar-1.0.tar.gz',
  'foo-1.0.exe',
])('%j is data, not a file of the project', (filename) => {
  const project = parseIndexPage(json([{ filename, url: 'x', hashes: {} }]), 'foo');
  expect(project.releases).toEqual([]);
  expect(project.unreadable).toEqual([{ filename, reason: expect.stringMatching(/\w/) }]);
});

test('addresses of other schemes and doubled names are sorted out', () => {
  const project = parseIndexPage(
    json([
      { filename: 'foo-1.0.tar.gz', url: 'file:///etc/passwd' },
      { filename: 'foo-1.1.tar.gz', url: 'https://[' },
      { filename: 'foo-1.2.tar.gz', url: 'first' },
      { filename: 'foo-1.2.tar.gz', url: 'second' },
    ]),
    'foo',
  );
  expect(project.unreadable.map(({ filename }) => filename)).toEqual([
    'foo-1.0.tar.gz',
    'foo-1.1.tar.gz',
    'foo-1.2.tar.gz',
  ]);
  expect(project.releases[0]?.files[0]?.url).toBe(`${ADDRESS}first`);
});

test('1.0 and 1.0.0 are one release, 10 and 1 are two', () => {
  const names = [
    'foo-1.0.tar.gz',
    'foo-1.0.0-py3-none-any.whl',
    'foo-1.tar.gz',
    'foo-10.tar.gz',
    'foo-1.0rc1.tar.gz',
    'foo-1rc1.zip',
  ];
  const project = parseIndexPage(json(names.map((filename) => ({ filename, url: filename }))), 'foo');
  expect(project.releases.map(({ files }) => files.map(({ filename }) => filename))).toEqual([
    ['foo-10.tar.gz'],
    ['foo-1.0.tar.gz', 'foo-1.0.0-py3-none-any.whl', 'foo-1.tar.gz'],
    ['foo-1.0rc1.tar.gz', 'foo-1rc1.zip'],
  ]);
});

test.each([
  ['another project', json([], { name: 'bar' })],
  ['another major version', json([], { meta: { 'api-version': '2.0' } })],
  ['another major version in HTML', html('<meta name="pypi:repository-version" content="2.0">')],
  ['no files', { ...json([]), body: '{"meta":{"api-version":"1.0"},"name":"foo"}' }],
  ['no JSON', { ...json([]), body: '<html>' }],
  ['another type', { ...json([]), contentType: 'text/plain' }],
  ['no type', { ...json([]), contentType: '' }],
])('a page with %s is refused as a whole', (_, page) => {
  expect(() => parseIndexPage(page, 'foo')).toThrow(expect.objectContaining({ code: 'bad-index-page' }));
});

test('the strongest hash counts where there is no sha256; a weaker one or one of a wrong length does not', () => {
  const sha384 = 'AB'.repeat(48);
  const sha512 = 'cd'.repeat(64);
  const fragments = [`sha512=${sha512}`, `sha384=${sha384}`, `sha384=${sha384}&sha512=${sha512}`];
  fragments.push(`sha256=${HASH}&sha512=${sha512}`, 'md5=0123', `sha512=${sha384}`);
  const anchors = fragments.map((fragment, at) => `<a href="foo-1.${at}.tar.gz#${fragment}"></a>`);
  const { releases } = parseIndexPage(html(anchors.join('')), 'foo');
  const other = (algorithm: string, digest: string) => ({ sha256: undefined, other: { algorithm, digest } });
  expect(
    releases.flatMap(({ files }) => files.map((file) => ({ sha256: file.sha256, other: file.otherHash }))),
  ).toEqual(
    [
      other('sha512', sha512),
      other('sha384', sha384.toLowerCase()),
      other('sha512', sha512),
      { sha256: HASH, other: undefined },
      { sha256: undefined, other: undefined },
      { sha256: undefined, other: undefined },
    ].toReversed(),
  );
});

test('HTML of any kind never throws and names no path', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '<a href="',
      '">',
      '</a>',
      '<base href="',
      'foo-1.0.tar.gz',
      '../',
      '#sha256=',
      '"',
      '&lt;',
      'data-yanked',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { releases } = parseIndexPage(html(pieces.join('')), 'foo');
      for (const { files } of releases) {
        for (const file of files) {
          expect(file.filename).toMatch(/^foo[^/\\]*$/);
          expect(file.url).toMatch(/^https?:\/\//);
        }
      }
    }),
  );
});
