import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { RennetError } from '../model/errors.ts';
import { formatPlace, readRequirementsFiles } from './requirements-file.ts';
import { testFolder } from './testing/folder.ts';

const folder = testFolder();
const HASH = 'a'.repeat(64);

async function read(files: Readonly<Record<string, string | Uint8Array>>, environment: Record<string, string> = {}) {
  const root = await folder.path();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }
  const wanted = [{ path: join(root, 'r.txt'), asConstraints: false }];
  if ('c.txt' in files) wanted.push({ path: join(root, 'c.txt'), asConstraints: true });
  return readRequirementsFiles(wanted, environment);
}

async function refusal(files: Parameters<typeof read>[0], environment?: Record<string, string>): Promise<RennetError> {
  const error: unknown = await read(files, environment).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RennetError);
  expect(error).toMatchObject({ code: 'bad-usage' });
  return error as RennetError;
}

const names = (entries: Awaited<ReturnType<typeof read>>['requirements']) =>
  entries.map(
    ({ requirement: { project, specifier, extras } }) =>
      `${project}${extras.length ? `[${extras.join()}]` : ''}${specifier}`,
  );

test('comments, continuations, blanks, extras, markers and odd line ends', async () => {
  const text = [
    '\ufeff# a comment \\',
    'Foo_Bar [B, a] >= 1.0 , < 2 # another',
    '',
    'one == \\',
    '1.0 \\',
    '# ends the joined line',
    'two ; python_version < "3"\r',
    'three',
    'four~=1.1 \\',
  ].join('\n');
  const { requirements } = await read({ 'r.txt': text });
  expect(names(requirements)).toEqual(['foo-bar[a,b]>=1.0,<2', 'one==1.0', 'two', 'three', 'four~=1.1']);
  expect(requirements.map(({ place }) => place.line)).toEqual([2, 4, 7, 8, 9]);
  expect(requirements[2]?.requirement.marker).toBeDefined();
});

test('nested files are relative to the one that names them; what -c names are constraints all the way down', async () => {
  const { requirements, constraints } = await read({
    'r.txt': 'a\n-r sub/more.txt\n-csub/bounds.txt\n--requirement=sub/more.txt',
    'sub/more.txt': 'b\n--constraint "two words.txt"',
    'sub/two words.txt': 'c<2',
    'sub/bounds.txt': '-r ../last.txt',
    'last.txt': 'd<3',
  });
  expect(names(requirements)).toEqual(['a', 'b', 'b']);
  expect(names(constraints)).toEqual(['c<2', 'd<3', 'c<2']);
});

test('the environment fills in capitals in braces only', async () => {
  const { requirements, indexUrl } = await read(
    { 'r.txt': 'foo==${VERSION}\nbar\n-i https://${USER}:${TOKEN}@index.example.org/simple' },
    { VERSION: '1.5', USER: 'me', TOKEN: 's3cret' },
  );
  expect(names(requirements)).toEqual(['foo==1.5', 'bar']);
  expect(indexUrl?.url).toBe('https://me:s3cret@index.example.org/simple');
});

test.each([
  ['UTF-16 as shells of Windows write it', Buffer.from('\ufefffoo==1.0\r\n', 'utf16le'), 'foo==1.0'],
  ['UTF-8 with a mark', Buffer.from('\ufefffoo'), 'foo'],
])('%s is read', async (_name, bytes, expected) => {
  expect(names((await read({ 'r.txt': bytes })).requirements)).toEqual([expected]);
});

test('options that change nothing are told and left aside', async () => {
  const { notes, requirements } = await read({ 'r.txt': '--trusted-host index.example.org\n--pre\nfoo' });
  expect(names(requirements)).toEqual(['foo']);
  expect(notes).toHaveLength(2);
  expect(notes[0]).toMatch(/r\.txt, line 1: --trusted-host is not used: certificates are always checked\./);
});

test.each([
  ['--extra-index-url https://me:s3cret@other.example.org/', /line 2 names a second index/],
  ['-f ./wheels', /line 2 names a place of files/],
  ['-e ./mine', /line 2 names a folder or repository/],
  ['git+https://s3cret@git.example.org/x.git', /line 2 names an address or a repository/],
  ['https://s3cret@files.example.org/x.whl', /line 2 names an address/],
  ['foo @ https://s3cret@files.example.org/x.whl', /line 2 names an address/],
  ['./mine', /line 2 names a path/],
  ['mine-1.0.tar.gz', /line 2 names a path/],
  ['-r https://s3cret@example.org/r.txt', /line 2 names a requirements file by its address/],
  ['--no-index', /line 2 forbids the index/],
  ['--whatever 1', /line 2 has the option --whatever/],
  ['-r', /line 2 has -r without a value/],
  ['-r "open', /line 2 has a quotation mark that is never closed/],
  ['foo bar', /line 2 cannot be read at character 5: "foo bar" is no requirement/],
  ['foo=${TOKEN}', /line 2 cannot be read at character \d+: "foo=\$\{TOKEN\}"/],
  ['foo --hash=md5:0', /line 2 has a --hash that is no sha256/],
  ['foo --hash=sha256:12', /line 2 has a --hash that is no sha256/],
  ['foo --hash=${TOKEN}', /line 2 has a --hash that is no sha256/],
  ['foo --Hash=https://x.example.org/?token=s3cret', /line 2 has --Hash where an option should stand/],
  ['--index_url=https://u:s3cret/w@x.example.org/simple', /line 2 has --index_url where an option should stand/],
  ['-i https://x.example.org ${TOKEN}', /line 2 has a word \(number 3 from the first option on\) where/],
  ['-i https://x.example.org ${TOKEN}=x', /line 2 has a word \(number 3 /],
  ['foo bar u:s3cret@x.example.org', /line 2 cannot be read at character 5: it is no requirement/],
  ['foo bar -i s3cret', /line 2 cannot be read at character 5: it is no requirement/],
  ['foo --config-settings=x=y', /line 2 sets --config-settings/],
  ['-r r.txt', /line 2 names .*r\.txt, which leads back to itself/],
  ['-r missing.txt', /missing\.txt, which .*line 2 names, is not there/],
  ['-r .', /which .*line 2 names, is a folder/],
])('%j is refused with its line', async (line, words) => {
  const { message, hint } = await refusal({ 'r.txt': `fine\n${line}` }, { TOKEN: 's3cret' });
  expect(message).toMatch(words);
  expect(message + hint).not.toContain('s3cret');
  expect(message).toMatch(/\.$/);
});

test('a file that is no text is refused', async () => {
  expect((await refusal({ 'r.txt': Buffer.from([0x66, 0xff, 0xfe, 0x0a]) })).message).toMatch(
    /r\.txt is not UTF-8 text/,
  );
  expect((await refusal({ 'r.txt': Buffer.from('foo\0bar') })).message).toMatch(/is not UTF-8 text/);
});

test('two indexes are refused, one named twice is not', async () => {
  const twice = { 'r.txt': '-i https://a.example.org/\n-r s.txt', 's.txt': '--index-url https://a.example.org/' };
  expect((await read(twice)).indexUrl?.url).toBe('https://a.example.org/');
  const other = { ...twice, 's.txt': '-i https://b.example.org/' };
  expect((await refusal(other)).message).toMatch(/s\.txt, line 1 names another index than .*r\.txt, line 1/);
});

test('constraints have no extras', async () => {
  expect((await refusal({ 'r.txt': 'foo', 'c.txt': 'foo[a]<2' })).message).toMatch(/c\.txt, line 1 has an extra/);
});

test('with one hash every requirement needs a version and a hash; a constraint may give them', async () => {
  const hashed = `foo==1.0 --hash=sha256:${HASH} --hash sha256:${HASH.toUpperCase()}`;
  const { hashMode, requirements } = await read({ 'r.txt': `${hashed}\nbar`, 'c.txt': `bar==2 --hash=sha256:${HASH}` });
  expect(hashMode && formatPlace(hashMode)).toMatch(/r\.txt, line 1$/);
  expect(requirements[0]?.sha256).toEqual([HASH, HASH]);
  expect((await refusal({ 'r.txt': `${hashed}\nbar==1` })).message).toMatch(
    /line 2: bar has no --hash; .*line 1 has hashes/,
  );
  expect((await refusal({ 'r.txt': `foo>=1 --hash=sha256:${HASH}` })).message).toMatch(
    /line 1: foo has a --hash and no version/,
  );
  expect((await refusal({ 'r.txt': `foo==1.* --hash=sha256:${HASH}` })).message).toMatch(/no version/);
  expect((await refusal({ 'r.txt': '--require-hashes\nfoo==1' })).message).toMatch(/line 2: foo has no --hash/);
});

test('20,000 lines, and a line of a million blanks, are read', async () => {
  const lines = Array.from({ length: 20_000 }, (_, at) => `project-${at}==1.${at}`);
  const { requirements } = await read({ 'r.txt': [...lines, `last${' '.repeat(1_000_000)}# end`].join('\n') });
  expect(requirements).toHaveLength(20_001);
});

test('files that include one another over and over are bounded', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`${at}.txt`, `-r ${at + 1}.txt\n`.repeat(2)]),
  );
  expect((await refusal({ ...files, '12.txt': 'foo', 'r.txt': '-r 0.txt' })).message).toMatch(/more than 500 files/);
});
