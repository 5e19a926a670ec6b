import { expect, it } from 'vitest';
import { METADATA } from '../model/testing/curd.ts';
import { parseMetadata } from '../python/metadata.ts';
import { fieldLines, type FieldTargets } from './fields.ts';
import { licenceOf } from './licence.ts';

const HEAD = 'Metadata-Version: 2.1\nName: curd\nVersion: 1.0\n';

function lines(text: string, targets: Partial<FieldTargets> = {}): string[] {
  const metadata = parseMetadata(Buffer.from(`${HEAD}${text}`));
  return fieldLines({
    metadata,
    licenceFiles: ['licenses/doc/LICENSE', 'COPYING'],
    licence: licenceOf(metadata, []),
    homepage: 'https://curd.example.org/',
    synopsis: 'Curds',
    python: { relations: [], approximated: [] },
    package: 'python3-curd',
    provides: 'pypi-dist-curd (= 1.0-1)',
    version: '1.0-1',
    ...targets,
  })
    .slice(3)
    .map(({ fact, fate, detail }) => `${fact} | ${fate} | ${detail}`);
}

it.each([
  ['Summary: Curds', 'translated | Description'],
  ['Summary: Curds.', 'approximated | Description: Curds'],
  ['Home-page: https://curd.example.org/', 'translated | Homepage: https://curd.example.org/'],
  ['Project-URL: Docs, https://docs.example.org/', 'translated | stays in METADATA'],
  ['Project-URL: Home, https://curd.example.org/', 'translated | Homepage: https://curd.example.org/'],
  ['Author: J\u00f6rg', 'translated | copyright: Upstream-Contact'],
  ['Keywords: a,b', 'translated | stays in METADATA'],
  ['Author: UNKNOWN', 'left-out | says nothing'],
  ['Platform:', 'left-out | says nothing'],
  ['Requires-External: libcurd', 'left-out | names something outside of Python that no package stands for'],
  ['Obsoletes: whey', 'left-out | relations to other packages are what Rennet works out; stays in METADATA'],
  [
    'Requires-Python: 3.6+',
    'left-out | bounds no version of Python, or is no specifier (PEP 440); pip ignores it as well',
  ],
  ['X-Odd: y', 'left-out | Rennet does not know this field; it stays in METADATA'],
])('%s', (text, expected) => {
  expect(lines(`${text}\nLicense: MIT\n`)[0]).toBe(`${text.trimEnd()}${text.endsWith(':') ? ' ' : ''} | ${expected}`);
});

it('the licence is said by one of the fields, and each tells which', () => {
  const text =
    'License-Expression: MIT\nClassifier: License :: OSI Approved :: BSD License\nLicense-File: doc/LICENSE\n';
  expect(lines(`${text}License-File: sub/COPYING\nLicense-File: none\n`)).toEqual([
    'License-Expression: MIT | translated | copyright: MIT',
    'Classifier: License :: OSI Approved :: BSD License | approximated | copyright: MIT, by the expression of the release; stays in METADATA',
    'License-File: doc/LICENSE | translated | copyright, and licenses/doc/LICENSE beside METADATA',
    'License-File: sub/COPYING | translated | copyright, and COPYING beside METADATA',
    'License-File: none | left-out | the wheel has no such text',
  ]);
  expect(lines('')).toEqual(['License | left-out | copyright: unknown; no licence that could be read']);
});

it('what is there twice counts once, and what says what is required has its lines elsewhere', () => {
  const text = 'License: MIT\nSummary: Curds\nsummary: Whey\nRequires-Dist: x\nProvides-Extra: y\n\nThe body.\n';
  expect(lines(text).slice(1)).toEqual([
    'Summary: Curds | translated | Description',
    'summary: Whey | left-out | is there more than once; the first one counts',
    'Description: The body. | approximated | Description: its first paragraphs as plain text; all of it stays in METADATA',
  ]);
});

it('a later minor version of the format is read as the newest that is known', () => {
  const fields = [{ name: 'Metadata-Version', value: '2.17' }];
  const [line] = fieldLines({
    metadata: { ...METADATA, fields },
    licenceFiles: [],
    licence: { name: 'MIT', parts: [], from: 'text' },
    homepage: undefined,
    synopsis: '',
    python: { relations: [], approximated: [] },
    package: '',
    provides: '',
    version: '',
  });
  expect(line).toMatchObject({ fact: 'Metadata-Version: 2.17', fate: 'approximated' });
});
