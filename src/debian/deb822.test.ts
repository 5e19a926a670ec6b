import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatStanza, parseStanzas } from './deb822.ts';

const TEXT = `Package: a
Description: short
 long ü
 .
 end
Empty:

Package:b
Size:   12\t
Files:
 one
\ttwo


Package: c`;

describe('reading', () => {
  test('values, continuation lines, empty values, several blank lines, no newline at the end', () => {
    expect(parseStanzas(TEXT).map((stanza) => Object.fromEntries(stanza))).toEqual([
      { Package: 'a', Description: 'short\n long ü\n .\n end', Empty: '' },
      { Package: 'b', Size: '12', Files: '\n one\n\ttwo' },
      { Package: 'c' },
    ]);
  });

  test('comments are left out where they are allowed, refused elsewhere', () => {
    const text = '# first\nTypes: deb\n# inner\nURIs: x\n#last\n';
    expect(parseStanzas(text, { comments: true }).map((stanza) => [...stanza])).toEqual([
      [
        ['Types', 'deb'],
        ['URIs', 'x'],
      ],
    ]);
    expect(() => parseStanzas(text)).toThrow(/control format/);
  });

  test.each([
    [' starts with a blank\n'],
    ['Package: a\n \nEssential: yes\n'],
    ['Package: a\n\t\n'],
    ['Package: a\nno colon\n'],
    ['Package: a\npackage: b\n'],
    [': nameless\n'],
    ['Pack age: a\n'],
    ['-Package: a\n'],
    ['Pa\u00e4: a\n'],
  ])('refuses %j', (text) => expect(() => parseStanzas(text)).toThrow(/control format/));

  test('lines and stanzas have limits', () => {
    const long = `Package: ${'a'.repeat(500)}\n`;
    expect(() => parseStanzas(long, { maxLine: 100 })).toThrow(expect.objectContaining({ code: 'bad-deb822' }));
    expect(() => parseStanzas(long + long, { maxStanza: 600 })).toThrow(
      expect.objectContaining({ code: 'bad-deb822' }),
    );
    expect(parseStanzas(long, { maxLine: 600, maxStanza: 600 })).toHaveLength(1);
  });
});

describe('writing', () => {
  test('is read back as it was written', () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !/[\p{Cc}\u2028\u2029]/u.test(text) && text.trim() === text);
    fc.assert(
      fc.property(line, fc.array(line), (first, more) => {
        const text = formatStanza([
          ['Package', 'x'],
          ['Description', [first, ...more, '', 'end']],
        ]);
        expect(parseStanzas(text)).toHaveLength(1);
        expect(parseStanzas(text)[0]?.get('Description')).toBe(
          [first, ...more.map((each) => ` ${each}`), ' .', ' end'].join('\n'),
        );
      }),
    );
  });

  test.each(['a\nEssential: yes', 'a\r', 'a\u0000', 'a\u2028b', '\ud800', 'a\u0085b', '\n\nPackage: evil'])(
    'refuses %j in every place',
    (value) => {
      expect(() => formatStanza([['Homepage', value]])).toThrow(/control character/);
      expect(() => formatStanza([['Description', ['x', value]]])).toThrow(/control character/);
    },
  );

  test.each(['', 'A b', 'A:', 'Ä', '-A', 'A\n'])('refuses the field name %j', (name) =>
    expect(() => formatStanza([[name, 'x']])).toThrow(/field name/),
  );
  test('refuses a doubled field', () =>
    expect(() =>
      formatStanza([
        ['A', 'x'],
        ['a', 'y'],
      ]),
    ).toThrow(/field name/));
});
