import { describe, expect, test } from 'vitest';
import { formatRelations, parseRelation, parseRelations, satisfies } from './relation.ts';

describe('parseRelations', () => {
  test.each([
    'python3:any',
    'python3 (>= 3.11~), python3 (<< 3.12~~)',
    'default-mta | mail-transport-agent',
    'libc6 (>= 2.34) [amd64 i386], dpkg-dev [!hurd-any] <!nocheck> <cross !stage1>',
    'g++ (= 4:12.2.0-3)',
  ])('%s is written as it was read', (field) => expect(formatRelations(parseRelations(field))).toBe(field));

  test('takes every spacing that Packages files have', () => {
    expect(parseRelations(' a1(>=1.0) , b2 ( << 2 )|c3:any[ amd64 ]<!nocheck>,\n d4,')).toEqual([
      [{ package: 'a1', bound: { operator: '>=', version: '1.0' } }],
      [
        { package: 'b2', bound: { operator: '<<', version: '2' } },
        { package: 'c3', qualifier: 'any', architectures: ['amd64'], profiles: [['!nocheck']] },
      ],
      [{ package: 'd4' }],
    ]);
  });

  test.each([
    'a',
    'Upper',
    'foo (1.0)',
    'foo (> 1.0)',
    'foo (>= a b)',
    'foo (>= _)',
    'foo bar',
    'foo | ',
    'foo; rm',
    'foo (>= 1.0',
    'fo:x:y',
    'foo\u0000',
  ])('refuses %j', (field) => expect(() => parseRelations(field)).toThrow(/no package relation/));
});

test.each([
  ['p1 (<< 2)', '2~rc1', true],
  ['p1 (<< 2)', '2', false],
  ['p1 (<= 2)', '2', true],
  ['p1 (<= 2)', '2-1', false],
  ['p1 (= 2-1)', '0:2-1', true],
  ['p1 (= 2-1)', '2', false],
  ['p1 (>= 1:0)', '9', false],
  ['p1 (>= 1:0)', '1:0', true],
  ['p1 (>> 2)', '2-1', true],
  ['p1 (>> 2)', '2', false],
  ['p1', '0~', true],
])('%s and version %s: %s', (relation, version, answer) =>
  expect(satisfies(parseRelation(relation), version)).toBe(answer),
);
