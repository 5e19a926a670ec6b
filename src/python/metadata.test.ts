import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMetadata } from './metadata.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const minimal = 'Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n';
const refusal = (sentence: RegExp) =>
  expect.objectContaining({ code: 'bad-metadata', message: expect.stringMatching(sentence) as string }) as Error;

describe('metadata', () => {
  test('of today', () => {
    const text = `Metadata-Version: 2.4
Name: Foo.Bar
Version: 1.0-BETA
Summary: A summary
Home-page: https://foo.example.org
Project-URL: Source, https://foo.example.org/source
Author: Jörg
Author-email: joerg@example.org
License-Expression: MIT
License-File: LICENSE
License-File: NOTICE
Classifier: Topic :: A
Keywords: a,b
Requires-Python: >=3.8
Provides-Extra: x
Requires-Dist: bar>=1
Requires-Dist: baz; extra == "x"
Dynamic: Requires-Dist
Description-Content-Type: text/markdown

# Foo

Requires-Dist: not-a-field
`;
    const { fields, ...parsed } = parseMetadata(bytes(text));
    expect(fields.map(({ name, value }) => `${name}: ${value}`)).toEqual(text.split('\n\n')[0]?.split('\n'));
    expect(parsed).toEqual({
      metadataVersion: '2.4',
      name: 'Foo.Bar',
      version: '1.0b0',
      summary: 'A summary',
      homePage: 'https://foo.example.org',
      projectUrls: [{ label: 'Source', url: 'https://foo.example.org/source' }],
      author: 'Jörg',
      authorEmail: 'joerg@example.org',
      licenseExpression: 'MIT',
      licenseFiles: ['LICENSE', 'NOTICE'],
      classifiers: ['Topic :: A'],
      keywords: 'a,b',
      requiresPython: '>=3.8',
      providesExtra: ['x'],
      requiresDist: ['bar>=1', 'baz; extra == "x"'],
      dynamic: ['requires-dist'],
      descriptionContentType: 'text/markdown',
      description: '# Foo\n\nRequires-Dist: not-a-field\n',
      notes: [],
    });
  });

  test('of distutils, with folded fields and UNKNOWN', () => {
    const text = `Metadata-Version: 1.1\r\nName: foo\r\nVersion: 1.0\r\nSummary: UNKNOWN\r\nLicense: MIT
        Copyright\nDescription: Foo\n        ===\n        \n        \ttext\nKeywords: a,\n\tb\nPlatform: any\n`;
    const { summary, license, description, keywords } = parseMetadata(bytes(text));
    expect([summary, license, description, keywords]).toEqual([
      undefined,
      'MIT\n        Copyright',
      'Foo\n===\n\n\ttext',
      'a, b',
    ]);
  });

  test('with latin-1 bytes is read and noted', () => {
    const text = Buffer.concat([bytes(`${minimal}Author: J`), Buffer.from([0xf6]), bytes('rg\n')]);
    const { author, notes } = parseMetadata(text);
    expect(author).toBe('J\ufffdrg');
    expect(notes).toHaveLength(1);
  });

  test('ends where a line is no field, as in Python', () => {
    const { description, requiresDist, notes } = parseMetadata(bytes(`${minimal}broken line\nRequires-Dist: x\n`));
    expect(description).toBe('broken line\nRequires-Dist: x\n');
    expect(requiresDist).toEqual([]);
    expect(notes).toHaveLength(1);
  });

  test('field names have no case', () => {
    expect(parseMetadata(bytes('NAME: a\nversion: 1\nREQUIRES-dist: x\n'))).toMatchObject({
      metadataVersion: '1.0',
      requiresDist: ['x'],
    });
  });

  test.each([
    ['no Name', 'Version: 1\n', /no name/],
    ['two Names', `${minimal}Name: bar\n`, /more than one name/],
    ['no Version', 'Name: a\n', /no version/],
    ['two Versions', `${minimal}Version: 2\n`, /more than one version/],
    ['an odd Name', 'Name: ../a\nVersion: 1\n', /odd name/],
    ['an empty Name', 'Name:\nVersion: 1\n', /odd name/],
    ['an odd Version', 'Name: a\nVersion: latest\n', /odd version/],
    ['a Version of the future', 'Metadata-Version: 3.0\nName: a\nVersion: 1\n', /unknown Metadata-Version/],
    ['an escape sequence in the summary', `${minimal}Summary: \u001b[2J\n`, /control characters in the field summary/],
    ['a NUL in a requirement', `${minimal}Requires-Dist: a\0\n`, /control characters in the field requires-dist/],
    ['a C1 control', `${minimal}Author: a\u0085b\n`, /control characters/],
    ['nothing', '', /no name/],
    ['too many fields', minimal + 'Classifier: x\n'.repeat(20_000), /20000 fields/],
    ['too many bytes', minimal + 'x'.repeat(8 * 1024 * 1024), /larger/],
  ])('with %s is refused', (_, text, sentence) => {
    expect(() => parseMetadata(bytes(text))).toThrow(refusal(sentence));
  });

  test("is split as Python's email parser splits it", () => {
    const line = fc.constantFrom(
      '',
      ...'Requires-Dist: a|Requires-Dist: b|requires-dist:c| d|\te|Summary: s|broken|: x|Requires-Dist : f'.split('|'),
      ...'From me|X-\u00e4: y|Requires-Dist:|Description: z'.split('|'),
    );
    const texts = fc
      .sample(fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r'))), 500)
      .map((lines) => minimal.concat('X: y\n', ...lines.flat()));
    const script = `
import email, io, json, sys
for text in json.load(sys.stdin):
    text = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8").read()
    message = email.message_from_string(text)
    print(json.dumps([" ".join(p.strip() for p in v.split("\\n")).strip() for v in message.get_all("Requires-Dist", [])]))
`;
    const output = execFileSync('python3', ['-c', script], { input: JSON.stringify(texts), encoding: 'utf8' });
    const theirs = output
      .trim()
      .split('\n')
      .map((answer) => JSON.parse(answer) as unknown);
    const mine = texts.map((text) => parseMetadata(bytes(text)).requiresDist);
    expect(texts.map((text, index) => [text, mine[index]])).toEqual(texts.map((text, index) => [text, theirs[index]]));
  });
});
