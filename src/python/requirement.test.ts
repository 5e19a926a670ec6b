import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MARKER_VARIABLES } from './marker.ts';
import { evaluateMarker, markerEnvironment, parseMarker, parseRequirement } from './requirement.ts';
import type { Oracle } from './testing/oracle.ts';
import { packagingOracle } from './testing/oracle.ts';
import { PAIRS, PAIRS_TIMEOUT, specifierText } from './testing/versions.ts';
import { parseSpecifier } from './version.ts';

let oracle: Oracle;
beforeAll(async () => {
  oracle = await packagingOracle();
}, 60_000);
afterAll(() => oracle.close());

const bookworm = markerEnvironment({ python: '3.11', pythonFull: '3.11.2', architecture: 'amd64' });
const broken = expect.objectContaining({ code: 'bad-metadata' }) as Error;

describe('requirements', () => {
  test('with everything', () => {
    expect(parseRequirement(" Foo.Bar [b, A_x] ( >= 1.0, <2 ) ; python_version >= '3.8' and extra == 'X_y'")).toEqual({
      name: 'Foo.Bar',
      project: 'foo-bar',
      extras: ['a-x', 'b'],
      specifier: '>=1.0,<2',
      marker: {
        kind: 'and',
        nodes: [
          { kind: 'compare', variable: 'python_version', operator: '>=', value: '3.8', variableFirst: true },
          { kind: 'compare', variable: 'extra', operator: '==', value: 'x-y', variableFirst: true },
        ],
      },
    });
  });

  test('with an address', () => {
    const text = 'foo[x] @ https://files.example.org/foo-1.0.zip#sha256=00 ; os_name == "posix"';
    expect(parseRequirement(text)).toMatchObject({
      project: 'foo',
      specifier: '',
      url: 'https://files.example.org/foo-1.0.zip#sha256=00',
      marker: { variable: 'os_name' },
    });
  });

  test.each([
    '',
    'foo bar',
    '-foo',
    'foo_',
    'foo[',
    'foo[a',
    'foo[a b]',
    'foo[a,]',
    'foo>1.0.*',
    'foo>=1 2',
    'foo (>1',
  ])('%j is refused here and by packaging', async (requirement) => {
    expect(() => parseRequirement(requirement)).toThrow(broken);
    if (requirement !== 'foo_') {
      expect(await oracle.ask([{ op: 'requirement', requirement }])).toEqual([{ error: 'InvalidRequirement' }]);
    }
  });

  test.each([
    ['a line end', 'foo\n>=1', /control characters/],
    ['a NUL', 'foo>=1\0', /control characters/],
    ['a long text', `foo${' '.repeat(5000)}`, /longer than/],
    ['deep brackets', `foo; ${'('.repeat(40)}os_name == "a"${')'.repeat(40)}`, /nested/],
    ['two variables', 'foo; os_name == sys_platform', /variable with a text/],
    ['two texts', 'foo; "a" == "b"', /variable with a text/],
    ['an unknown variable', 'foo; os_nam == "a"', /known variable/],
    ['a variable of lock files', 'foo; "a" in extras', /known variable/],
    ['an escape', 'foo; os_name == "a\\n"', /known variable/],
    ['an open text', 'foo; os_name == "a', /known variable/],
    ['nothing after and', 'foo; os_name == "a" and', /known variable/],
    ['two markers', 'foo; os_name == "a" os_name == "b"', /the end/],
  ])('%s is refused', (_, text, sentence) => {
    expect(() => parseRequirement(text)).toThrow(sentence);
    expect(() => parseRequirement(text)).toThrow(broken);
  });

  test('long ones are read in no time', () => {
    expect(parseRequirement(`foo${'>=1,'.repeat(1000)}`).specifier).toHaveLength(3999);
    expect(() => parseRequirement(`foo; ${'os_name == "a" or '.repeat(200)}`)).toThrow(broken);
    expect(() => parseRequirement('a'.repeat(4000) + '.')).toThrow(broken);
  });

  test('that packaging reads are read alike', { timeout: PAIRS_TIMEOUT }, async () => {
    const blank = fc.constantFrom('', '', ' ', '\t ');
    const name = fc.constantFrom('foo', 'Foo.Bar', 'a', 'a-b_c', '0x');
    const extras = fc.constantFrom('', '[]', '[a]', '[ a , B.c ]', '[a,a]');
    const version = fc.oneof(
      specifierText,
      specifierText.map((text) => `(${text})`),
    );
    const marker = fc.constantFrom('', ';os_name=="a"', "; 'x' in sys.platform and (python_version<'3' or extra=='q')");
    const texts = fc.tuple(blank, name, blank, extras, blank, version, blank, marker, blank).map((all) => all.join(''));
    await compareWithPackaging(fc.sample(texts, PAIRS), true);
  });

  test('that packaging refuses are refused', { timeout: PAIRS_TIMEOUT }, async () => {
    const token = fc.constantFrom(
      ' ',
      ' ',
      ...`foo a 1.0 >= == === ~= < != , ; ( ) [ ] @ .* +l " '3' "x" os_name extra python_version and or in not`.split(
        ' ',
      ),
      ...'https://example.org/x - _'.split(' '),
    );
    const texts = fc.array(token, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(''));
    await compareWithPackaging(fc.sample(texts, PAIRS), false);
  });
});

/** Whatever we read, packaging reads, to the same parts; where `complete`, also the other way round. */
async function compareWithPackaging(texts: readonly string[], complete: boolean): Promise<void> {
  const answers = await oracle.ask(texts.map((requirement) => ({ op: 'requirement', requirement })));
  const wrong = texts.flatMap((text, index): unknown[] => {
    const theirs = answers[index]?.value as
      | undefined
      | { name: string; extras: string[]; specifiers: string[]; url: string };
    let mine: ReturnType<typeof parseRequirement>;
    try {
      mine = parseRequirement(text);
    } catch (error) {
      expect(error).toEqual(broken);
      return complete && theirs !== undefined ? [{ text, theirs }] : [];
    }
    const clauses = parseSpecifier(mine.specifier).map(({ operator, version }) => operator + version);
    const same =
      mine.name === theirs?.name &&
      mine.url === (theirs.url ?? undefined) &&
      String([...new Set(clauses)].sort()) === String([...new Set(theirs.specifiers)].sort()) &&
      String(mine.extras) ===
        String([...new Set(theirs.extras.map((extra) => extra.toLowerCase().replaceAll(/[-_.]+/g, '-')))].sort());
    return same ? [] : [{ text, mine, theirs }];
  });
  expect(wrong).toEqual([]);
}

describe('markers', () => {
  test('evaluate as packaging evaluates them', { timeout: PAIRS_TIMEOUT }, async () => {
    const environments = [
      bookworm,
      markerEnvironment({ python: '3.13', pythonFull: '3.13.0rc2', architecture: 'arm64' }),
      markerEnvironment({ python: '3.9', pythonFull: '3.9.2', architecture: 'i386' }),
    ];
    const variable = fc.constantFrom(...MARKER_VARIABLES, 'os.name', 'platform.machine', 'python_implementation');
    const operator = fc.constantFrom('<=', '<', '!=', '==', '>=', '>', '~=', '===', 'in', 'not in');
    const value = fc.constantFrom(
      '',
      '2.7 3.11',
      'linux win32',
      ' 3.11 ',
      ...'3.11 3.9 3.11.2 3.13.0rc1 3.* 3 3.8,3.11 linux posix X86_64 x86_64 aarch64 CPython cpython Linux'.split(' '),
      ...'test Test_A test-a 6.1.0-18-amd64'.split(' '),
    );
    const item = fc
      .tuple(variable, operator, value, fc.boolean())
      .map(([name, compare, text, turned]) =>
        turned ? `'${text}' ${compare} ${name}` : `${name} ${compare} "${text}"`,
      );
    const { marker } = fc.letrec<{ marker: string }>((tie) => ({
      marker: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        item,
        fc.tuple(tie('marker'), fc.constantFrom('and', 'or'), tie('marker')).map((parts) => parts.join(' ')),
        tie('marker').map((inner) => `(${inner})`),
      ),
    }));
    const extra = fc.constantFrom('', 'test', 'Test.A');
    const draws = fc.sample(fc.tuple(marker, fc.constantFrom(...environments), extra), PAIRS);
    const answers = await oracle.ask(
      draws.map(([text, env, name]) => ({ op: 'marker', marker: text, env: { ...env, extra: name } })),
    );
    const wrong = draws.flatMap(([text, env, name], index) => {
      const theirs = answers[index]?.error ?? answers[index]?.value;
      let mine: unknown;
      try {
        mine = evaluateMarker(parseMarker(text), env, name);
      } catch {
        mine = 'UndefinedComparison';
      }
      return mine === theirs ? [] : [{ text, env, name, mine, theirs }];
    });
    expect(wrong).toEqual([]);
    for (const answer of [true, false]) {
      expect(answers.filter(({ value: found }) => found === answer).length).toBeGreaterThan(PAIRS / 20);
    }
  });

  test.each([
    ["python_version >= '3.8' and sys_platform != 'win32'", '', true],
    ["python_version < '3.9'", '', false],
    ["python_version >= '3.10'", '', true],
    ["extra == 'Test_X'", 'test.x', true],
    ["extra == 'test'", '', false],
    ["platform_machine == 'x86_64' or extra == 'all'", '', true],
    ["platform_release >= '4.0'", '', false],
    ["python_full_version == '3.11.*'", '', true],
    ["implementation_name == 'pypy'", '', false],
    ["os_name == 'nt' and os_name == 'posix' or os_name == 'posix'", '', true],
  ])('%s with extra %j: %s', (text, extra, result) => {
    expect(evaluateMarker(parseMarker(text), bookworm, extra)).toBe(result);
  });

  test('none is true', () => expect(evaluateMarker(undefined, bookworm)).toBe(true));
  test('a comparison without meaning is an error wherever it stands', () => {
    const marker = parseMarker("os_name == 'posix' or sys_platform ~= 'linux'");
    expect(() => evaluateMarker(marker, bookworm)).toThrow(broken);
  });
});
