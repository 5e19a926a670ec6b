import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { admitFacts } from './admit/admit.ts';
import type { Admitted } from './admit/admission.ts';
import { readWheel } from './admit/reader/read-wheel.ts';
import { evidenceOf, OFFICIAL } from './admit/testing/evidence.ts';
import { writeZip } from './admit/testing/wheel.ts';
import { type AssembledDeb, assemble } from './assemble/assemble.ts';
import { readDeb } from './debian/deb-reader.ts';
import { RECIPE } from './model/testing/curd.ts';
import { pythonRelations } from './plan/python-bounds.ts';
import { resolver } from './plan/resolver.ts';
import { archiveOf } from './plan/testing/recorded.ts';

/*
 * Nothing disappears: every member of a wheel, every entry point, every field, requirement and extra of its metadata ends in exactly one
 * line of the ledger, and every path of the package stems from one of these lines or is Rennet's own.
 */

/** Packages a property; `RENNET_PAIRS=2000` is the long run. */
const RUNS = Number(process.env['RENNET_PAIRS'] ?? 60);
const OWN = [
  '/usr/lib/python3/dist-packages/curd-1.0.dist-info/INSTALLER',
  '/usr/share/doc/python3-curd/changelog.Debian.gz',
  '/usr/share/doc/python3-curd/copyright',
];

const archive = archiveOf([
  { project: 'wcwidth', packageVersion: '0.2.5+dfsg1-1.1', upstreamVersion: '0.2.5' },
  { project: 'rich', packageVersion: '13.3.1-1', upstreamVersion: '13.3.1' },
]);

interface Wheel {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly entryPoints: readonly (readonly [group: string, line: string])[];
  readonly members: readonly { readonly name: string; readonly content: string }[];
}

const requirement = fc
  .tuple(
    fc.constantFrom(
      'wcwidth',
      'rich',
      'Rich[jupyter]',
      'argparse',
      'missing',
      'curd',
      'a b',
      'rich @ https://x.example.org/r.whl',
    ),
    fc.constantFrom('', '>=0.2', ' (>=13,<14)', '==99', '!=1.*', '>=1.0.*', '~=0.2.1'),
    fc.constantFrom(
      '',
      '; extra == "fast"',
      '; extra == "x_Y" and python_version >= "3"',
      '; sys_platform == "win32"',
      '; python_version < "3.8" or extra == "fast"',
      '; nonsense == "1"',
    ),
  )
  .map((parts) => parts.join(''));
const text = fc.constantFrom(
  '',
  'UNKNOWN',
  'x',
  'MIT',
  'https://curd.example.org/',
  'Docs, https://d.example.org',
  'J\u00f6rg <j@x.example.org>',
  '>=3.8,<4',
  '3.6+',
  '>=3.6.*',
  'LICENSE',
  'License :: OSI Approved :: MIT License',
  'text/markdown',
);
const fieldName = fc.constantFrom(
  ...`Summary Home-page Project-URL Author Author-email Maintainer Maintainer-email License License-Expression License-File Classifier
      Keywords Requires-Python Platform Supported-Platform Download-URL Description-Content-Type Dynamic Requires-External Requires Provides
      Provides-Dist Obsoletes Obsoletes-Dist Import-Name X-Unheard-Of summary DESCRIPTION`.split(/\s+/),
);
const field = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fieldName, text) },
  fc.tuple(fc.constantFrom('X-Unheard-Of', 'License-File'), text),
  fc.tuple(fc.constant('Requires-Dist'), requirement),
  fc.tuple(fc.constant('Provides-Extra'), fc.constantFrom('fast', 'x_Y', 'Fast', 'none')),
);
const entryPoint = fc.tuple(
  fc.constantFrom('console_scripts', 'gui_scripts', 'curd.plugins'),
  fc.constantFrom(
    'curd = curd:main',
    'Curd = curd.cli:run.it',
    'chardet = curd:main',
    'a b = c:d',
    'x = y',
    'e = f:g()',
    'whey = whey:main',
  ),
);
const folder = fc.constantFrom(
  ...'curd curd/deep milk milk/raw google tests docs curd-stubs curd-1.0.data/purelib/curd curd-1.0.data/scripts'.split(
    ' ',
  ),
  ...'bin etc etc/cron.d include lib share/curd share/whey share/man/man1 share/man/de/man5 share/doc/curd share/applications share/jupyter/kernels/curd share/locale/de/LC_MESSAGES share/bash-completion/completions share/other'
    .split(' ')
    .map((below) => `curd-1.0.data/data/${below}`),
  ...'curd-1.0.data/headers curd-1.0.dist-info curd-1.0.dist-info/licenses'.split(' '),
  '',
);
const file = fc.constantFrom(
  ...'__init__.py a.py b.pyc py.typed __init__.pyi LICENSE README.md curd curd.1 curd.5.gz curd.mo curd.desktop x-nspkg.pth x.pth copyright ls.1 top_level.txt direct_url.json chardet'.split(
    ' ',
  ),
);
const content = fc.constantFrom(
  '',
  'x = 1\n',
  "__import__('pkg_resources').declare_namespace(__name__)\n",
  '#!python\nprint(1)\n',
  '#!/usr/bin/perl\n',
  '/tmp/modules\n',
);
const member = fc.record({ name: fc.tuple(folder, file).map((parts) => parts.join('/').replace(/^\//, '')), content });
const wheel: fc.Arbitrary<Wheel> = fc.record({
  fields: fc.array(field, { maxLength: 12 }),
  body: fc.constantFrom('', 'A long description.\n', '# Curds\n\nAnd whey.\n'),
  entryPoints: fc.array(entryPoint, { maxLength: 5 }),
  members: fc.uniqueArray(member, { maxLength: 14, selector: ({ name }) => name }),
});

let scratch = '';
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ledger-'));
});
afterEach(() => rm(scratch, { recursive: true }));

/** All that the wheel says, with the kind that its line must have. Worked out without the code under test. */
function factsOf({ fields, body, entryPoints }: Wheel, names: readonly string[]): string[] {
  const kinds: Readonly<Record<string, string>> = { 'Requires-Dist': 'requirement', 'Provides-Extra': 'extra' };
  const scripts = new Set<string>();
  return [
    ...[...HEAD, ...fields].map(([name, value]) =>
      kinds[name] === undefined ? `field ${name}: ${value}` : `${kinds[name]} ${value}`,
    ),
    ...(body === '' || fields.some(([name]) => name === 'DESCRIPTION')
      ? []
      : [`field Description: ${body.split('\n')[0]}${body.trim().includes('\n') ? ' …' : ''}`]),
    ...entryPoints.map(([group, line]) => {
      // A command is known by its line; what is none, or is there twice in a group, by its group as well.
      const key = `${group} ${line.split(' ')[0]}`;
      const isCommand = group !== 'curd.plugins' && /^\w+ = [\w.]+:[\w.]+$/.test(line) && !scripts.has(key);
      scripts.add(key);
      return `entry-point ${line}${isCommand ? '' : ` [${group}]`}`;
    }),
    ...names.map((name) => `file ${name}`),
  ]
    .map((line) => line.trimEnd())
    .toSorted();
}

const HEAD = [
  ['Metadata-Version', '2.1'],
  ['Name', 'curd'],
  ['Version', '1.0'],
] as const;

function membersOf({ fields, body, entryPoints, members }: Wheel): { name: string; content: string }[] {
  const groups = Map.groupBy(entryPoints, ([group]) => group);
  const info = 'curd-1.0.dist-info';
  return [
    { name: 'curd.py', content: 'x = 1\n' },
    ...members,
    {
      name: `${info}/METADATA`,
      content: `${[...HEAD, ...fields].map(([name, value]) => `${name}: ${value}\n`).join('')}\n${body}`,
    },
    { name: `${info}/WHEEL`, content: 'Wheel-Version: 1.0\nTag: py3-none-any\n' },
    { name: `${info}/RECORD`, content: '' },
    {
      name: `${info}/entry_points.txt`,
      content: [...groups]
        .map(([group, lines]) => `[${group}]\n${lines.map(([, line]) => `${line}\n`).join('')}`)
        .join(''),
    },
  ];
}

/** The way of a wheel from its bytes to a `.deb`, the reading without a process of its own. */
async function packaged(made: Wheel, name: string): Promise<{ admitted: Admitted; deb: AssembledDeb } | undefined> {
  const below = join(scratch, name);
  await mkdir(below);
  const path = join(below, 'wheel');
  await writeZip(path, membersOf(made));
  const contents: Buffer[] = [];
  let current: Uint8Array[] = [];
  const facts = await readWheel(path, async (kind, bytes) => {
    if (kind === 'content' && bytes) current.push(Uint8Array.from(bytes));
    else if (kind === 'end') {
      contents.push(Buffer.concat(current));
      current = [];
    }
  });
  if ('refused' in facts) return undefined;
  const spooled = await Promise.all(
    contents.map(async (bytes, index) => {
      await writeFile(join(below, String(index)), bytes);
      return {
        path: join(below, String(index)),
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      };
    }),
  );
  const published = { otherOwners: async () => new Map<string, string>() };
  const admitted = await admitFacts(
    { facts, contents: spooled },
    evidenceOf(path),
    { official: OFFICIAL, published },
    below,
  );
  if (!admitted.admitted) return undefined;
  const { requiresDist, providesExtra } = admitted.metadata;
  const resolution = resolver(archive, [], RECIPE.target, RECIPE)(requiresDist, providesExtra);
  const ports = {
    archive,
    maintainer: 'The Farm <farm@farm.example.org>',
    build: 1,
    folder: join(below, 'deb'),
    pythonRelations: (bound: string | undefined) => pythonRelations(bound, RECIPE.target),
  };
  return { admitted, deb: await assemble(admitted, RECIPE, resolution, ports, new AbortController().signal) };
}

describe('nothing disappears', () => {
  it('between a wheel and its package', async () => {
    let number = 0;
    let judged = 0;
    await fc.assert(
      fc.asyncProperty(wheel, async (made) => {
        const result = await packaged(made, String((number += 1)));
        if (!result) return;
        judged += 1;
        const { ledger, path, control } = result.deb;
        const said = ledger.map(({ kind, fact }) => `${kind} ${fact}`.trimEnd()).toSorted();
        const names = membersOf(made).map(({ name }) => name);
        // Where nothing states a licence, one line says that.
        expect(said.filter((line) => line !== 'field License')).toEqual(factsOf(made, names));

        const placed = ledger.flatMap(({ fate, detail }) =>
          (fate === 'translated' || fate === 'approximated') && detail.startsWith('/')
            ? [detail.split(': ')[0] ?? '']
            : [],
        );
        const { entries } = await readDeb(path);
        const paths = entries.flatMap(({ type, name }) => (type === 'file' ? [name.replace(/^\./, '')] : []));
        expect(paths.toSorted()).toEqual([...OWN, ...placed].toSorted());

        const related = [...control.matchAll(/^(?:Depends|Suggests): (.*)$/gm)].flatMap(([, list = '']) =>
          list.split(', '),
        );
        const details = ledger.map(({ detail }) => detail).join('\n');
        for (const relation of related.filter((one) => !one.startsWith('python3:any') && one !== 'python3'))
          expect(details).toContain(relation);
        await rm(join(scratch, String(number)), { recursive: true });
      }),
      { numRuns: RUNS },
    );
    // Most made-up wheels come through, or the property would say little.
    expect(judged).toBeGreaterThan(RUNS / 2);
  }, 120_000);
});
