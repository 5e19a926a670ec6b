import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ControlFields, descriptionFrom, writeControl } from './control.ts';
import { parseStanzas } from './deb822.ts';

const FIELDS: ControlFields = {
  package: 'python3-demo',
  version: '1.0-0~pypi1~deb12',
  architecture: 'all',
  maintainer: 'Rennet Farm <farm@example.org>',
  installedSizeKiB: 12,
  depends: ['python3:any (>= 3.9~)', 'python3-wcwidth (>= 0.2-0~)', 'python3-a1 | python3-b2'],
  suggests: ['python3-c3'],
  provides: ['pypi-dist-demo (= 1.0)'],
  homepage: 'https://www.example.org/demo?a=b',
  description: { synopsis: 'fixes text', extended: ['One line.', '', 'Another.'] },
};

describe('writeControl', () => {
  test('writes the allowed fields and nothing else', () => {
    expect(writeControl(FIELDS)).toBe(`Package: python3-demo
Version: 1.0-0~pypi1~deb12
Architecture: all
Maintainer: Rennet Farm <farm@example.org>
Installed-Size: 12
Depends: python3:any (>= 3.9~), python3-wcwidth (>= 0.2-0~), python3-a1 | python3-b2
Suggests: python3-c3
Provides: pypi-dist-demo (= 1.0)
Section: python
Priority: optional
Homepage: https://www.example.org/demo?a=b
Description: fixes text
 One line.
 .
 Another.
`);
    expect(writeControl({ ...FIELDS, source: 'demo' })).toContain('\nSource: demo\nVersion:');
    const bare = writeControl({
      ...FIELDS,
      depends: [],
      suggests: [],
      homepage: undefined,
    });
    expect(bare).not.toMatch(/Depends|Suggests|Homepage/);
  });

  test.each<[string, Partial<ControlFields>]>([
    ['a name with capitals', { package: 'Python3-x' }],
    ['a look-alike name', { package: 'pуthon3-x' }],
    ['a version with a newline', { version: '1.0\nEssential: yes' }],
    ['a version that is none', { version: 'x' }],
    ['an odd architecture', { architecture: 'all any' }],
    ['a maintainer without address', { maintainer: 'me' }],
    ['two maintainers', { maintainer: 'a <a@example.org>, b <b@example.org>' }],
    ['a broken size', { installedSizeKiB: Number.NaN }],
    ['several relations in one', { depends: ['aa, bb'] }],
    ['a relation with a newline', { depends: ['aa\n, bb'] }],
    ['a relation that is none', { depends: ['aa (> 1)'] }],
    ['a restricted relation', { depends: ['aa [amd64]'] }],
    ['a Provides of an official name', { provides: ['python3-apt (= 1.0)'] }],
    ['a Provides without version', { provides: ['pypi-dist-x'] }],
    ['a homepage of another scheme', { homepage: 'javascript:alert(1)' }],
    ['a homepage with a password', { homepage: 'https://a:b@example.org/' }],
    ['a homepage with a blank', { homepage: 'https://example.org/ x' }],
    ['a homepage with a line', { homepage: 'https://example.org/\nx' }],
    ['an empty synopsis', { description: { synopsis: '', extended: ['x'] } }],
    ['a long synopsis', { description: { synopsis: 'x'.repeat(81), extended: ['x'] } }],
    ['a bidi character', { description: { synopsis: 'a\u202eb', extended: ['x'] } }],
    ['a zero width character', { description: { synopsis: 'ok', extended: ['a\u200bb'] } }],
    ['a newline in a line', { description: { synopsis: 'ok', extended: ['a\n\nPackage: evil'] } }],
    ['a lone dot', { description: { synopsis: 'ok', extended: ['.'] } }],
    ['a line that begins with a dot', { description: { synopsis: 'ok', extended: ['.NET'] } }],
  ])('refuses %s', (_, part) => expect(() => writeControl({ ...FIELDS, ...part })).toThrow());
});

const MARKDOWN = `# demo: fixes text

[![PyPI](https://badge.example.org/x.svg)](https://example.org) <p align="center"><img src="x"></p>

\`\`\`python
>>> from demo import fix   # this is code and never prose, is it not?
\`\`\`

The **full** documentation of \`demo\` is [over there](https://docs.example.org/a_b). It covers a lot
more than this page &amp; its links.

| table | of things that is long enough to be prose. |
|-------|--------|

## Installation

Call pip to install this package, which is what this paragraph wants to say to you.
`;

const RST = `====
demo
====

.. image:: https://badge.example.org/x.svg
   :target: https://example.org/that/is/long/enough.

|badge|_

A *useful* \`extension <https://example.org>\`_ for :class:\`Things <a.b>\`, see \`the docs\`_. Use it::

    import demo  # code that must not be here, whatever it takes.

There is ''quoting'' and \`\`code\`\` in a second paragraph that is long enough.
`;

describe('descriptionFrom', () => {
  test('takes the prose of Markdown without its markup', () => {
    const { synopsis, extended } = descriptionFrom(
      'Fixes text. ',
      MARKDOWN,
      'text/markdown; charset=UTF-8',
      'demo',
      '1.0',
    );
    expect(synopsis).toBe('Fixes text');
    expect(extended).toEqual([
      'The full documentation of demo is over there. It covers a lot more than this',
      'page & its links.',
      '',
      'This package was built automatically from release 1.0 of the project demo on',
      'PyPI by Rennet.',
    ]);
  });

  test('takes the prose of reStructuredText without its markup', () => {
    const { extended } = descriptionFrom('x y', RST, 'text/x-rst', 'demo', '1.0');
    expect(extended.join('\n')).toMatch(
      /^A useful extension for Things, see the docs\. Use it:\n\nThere is ''quoting'' and code in a/,
    );
    expect(extended.join(' ')).not.toMatch(/import|image|badge|`/);
  });

  test.each(['', 'demo', 'missing.', 'python3-demo does things', '\n \u200b'])('a summary of %j gives way', (summary) =>
    expect(descriptionFrom(summary, '', '', 'demo', '1.0').synopsis).toBe('Python project demo'),
  );

  test('leaves out a first paragraph that only repeats the summary, and keeps dots off the start of a line', () => {
    const words = 'Some words to fill a line up to where it has to be broken, so that then ';
    const text = `Fixes all of the text, that you have ever seen!\n\n${words}.NET comes ${words}.NET ends.`;
    const { extended } = descriptionFrom(
      'fixes all of the text that you have ever seen',
      text,
      'text/plain',
      'demo',
      '1.0',
    );
    expect(extended[0]).toBe(`${words}.NET`);
    expect(extended.filter((line) => line.startsWith('.'))).toEqual([]);
  });

  test('does without any metadata', () => {
    expect(descriptionFrom(undefined, undefined, undefined, 'demo', '1.0')).toEqual({
      synopsis: 'Python project demo',
      extended: ['This package was built automatically from release 1.0 of the project demo on', 'PyPI by Rennet.'],
    });
  });

  test('whatever upstream writes, the writer takes it, and the stanza stays one', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(
          fc.constantFrom(
            '\n',
            '\n\n',
            ' ',
            '.',
            ' .\n',
            'Package: evil\n',
            '\u202e',
            '`',
            '<',
            '[',
            '](',
            '::',
            '*',
            'word ',
            'Long words follow here. ',
            '\u0000',
            '\ud800',
            '|',
            '===',
            'prose is here ... .a .b .c .d .e .f .g .h .i .j .k',
            ' .net and so on.',
          ),
          { maxLength: 80 },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(
        hostile,
        hostile,
        fc.constantFrom('text/markdown', 'text/x-rst', 'text/plain', undefined),
        (summary, long, type) => {
          const text = writeControl({ ...FIELDS, description: descriptionFrom(summary, long, type, 'demo', '1.0') });
          expect(parseStanzas(text)).toHaveLength(1);
          expect(text).not.toMatch(/^Package: evil/m);
          expect(text).toMatch(
            /built automatically from release 1\.0\s+of the project demo\s+on\s+PyPI by Rennet\.\n$/,
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  test('text made to be slow to match ends at once', () => {
    for (const evil of [
      '[![',
      '`a <',
      '<a ',
      '**a',
      '&',
      ' ',
      '=',
      '<!--',
      ':a:`x ',
      '|a',
      '. ',
      '- ',
      '\\',
      '<pre>',
      '::',
    ]) {
      const text = evil.repeat(400_000 / evil.length);
      for (const type of ['text/markdown', 'text/x-rst']) descriptionFrom(text, text, type, 'demo', '1.0');
    }
  });
});

test('dpkg takes the stanza and gives the same fields', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rennet-control-'));
  try {
    execFileSync('mkdir', ['-p', join(folder, 'tree/DEBIAN')]);
    const control = writeControl({
      ...FIELDS,
      description: descriptionFrom('Größe — ümläut', MARKDOWN, 'text/markdown', 'demo', '1.0'),
    });
    writeFileSync(join(folder, 'tree/DEBIAN/control'), control);
    execFileSync('dpkg-deb', ['--build', join(folder, 'tree'), join(folder, 'x.deb')]);
    expect(execFileSync('dpkg-deb', ['--field', join(folder, 'x.deb')], { encoding: 'utf8' })).toBe(control);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
