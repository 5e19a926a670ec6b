import { expect, test } from 'vitest';
import { RennetError } from '../../src/model/errors.ts';
import { parseList, spread } from './list.ts';

test('a list is read, names normalised', () => {
  expect(parseList('# drawn at random\nRuamel.YAML\ttop500\r\n\nabnf\n', 'l')).toEqual([
    { project: 'ruamel-yaml', stratum: 'top500' },
    { project: 'abnf', stratum: 'all' },
  ]);
});

test.each([
  ['a\ttop\n-b\ttop', /^Line 2 of the list l begins with '-b', which is no project name\.$/],
  ['a\ttop\tmore', /^Line 1 of the list l has more than two columns\.$/],
  ['a\t<b>', /^Line 1 of the list l names the stratum '<b>'/],
  ['a.b\n\nA-B', /^Line 3 of the list l names a-b a second time\.$/],
  ['../x', /^Line 1 .* no project name/],
  ['\u001b[2Jx', /^Line 1 of the list l begins with '\\u\{1b\}\[2Jx', /],
  ['# nothing\n', /^The list l has no project\.$/],
])('%j is refused', (text, sentence) => {
  const read = () => parseList(text, 'l');
  expect(read).toThrow(RennetError);
  expect(read).toThrow(sentence);
});

test('a part of a list is spread over it', () => {
  const list = Array.from({ length: 90 }, (_, n) => ({ project: `p${n}`, stratum: 'all' }));
  expect(spread(list, 3).map(({ project }) => project)).toEqual(['p0', 'p30', 'p60']);
  expect(spread(list, 90)).toEqual(list);
  expect(spread(list, 91)).toEqual(list);
});
