import { readFile } from 'node:fs/promises';
import { describe, expect, it, test } from 'vitest';
import { AttemptEnd } from '../model/outcome.ts';
import { METADATA } from '../model/testing/curd.ts';
import { parseEntryPoints } from '../python/entry-points.ts';
import { checkTree, judgeFacts } from './check.ts';
import type { CheckFacts } from './facts.ts';
import type { CheckedTree } from './rules/rule.ts';
import { CHECKS } from './rules/table.ts';
import { FACTS, TREE, upstreamWith } from './testing/tree.ts';

/** The rule and the class that end it, or `passes`. */
function verdictOf(facts: Partial<CheckFacts>, tree: Partial<CheckedTree>): string {
  const whole = { ...TREE, ...tree };
  try {
    checkTree(whole);
    judgeFacts({ ...FACTS, ...facts }, whole);
    return 'passes';
  } catch (error) {
    if (!(error instanceof AttemptEnd)) throw error;
    const { kind, rule, class: failure, sentence } = error.outcome;
    expect(kind).toBe('check-failed');
    expect(failure).toBe(CHECKS.get(rule ?? '')?.class);
    expect(sentence).toMatch(/^python3-curd [^\p{Cc}]+\.$/u);
    return rule ?? '';
  }
}

const sources = { ...TREE.sources, top: 'curd-1.0', files: ['curd/_fast.pyx'], declaresExtension: true };
const withSources = (...names: readonly string[]) => ({ sources: { ...sources, extensionSources: names } });
const linux = { filename: 'curd-1.0-cp311-cp311-manylinux2014_x86_64.whl', pure: false };
const plugin = 'p = curd.plug:P [curd.plugins]';
const entryPoints = (text: string) => parseEntryPoints(`[curd.plugins]\n${text}\n`);
const requiring = (...requiresDist: readonly string[]) => ({ ...METADATA, requiresDist });
const metadata = (more: Partial<CheckFacts['metadata']>) => ({ metadata: { ...FACTS.metadata, ...more } });

const CASES: readonly (readonly [string, string, Partial<CheckedTree>, Partial<CheckFacts>?])[] = [
  ['passes', 'nothing wrong', {}],
  ['content', 'nothing but data', { modules: [], scripts: [] }],
  ['passes', 'stubs alone', { modules: [], scripts: [], files: [{ path: '/a/curd-stubs/__init__.pyi', elf: false }] }],
  [
    'extension',
    "upstream's wheel has an extension that ours lacks",
    { published: 'compiled', upstream: upstreamWith(['curd/_fast.cpython-312-x86_64-linux-gnu.so'], linux) },
  ],
  [
    'passes',
    'the same extension with another suffix, and libraries that upstream bundles',
    {
      published: 'compiled',
      upstream: upstreamWith(
        ['curd/_fast.cpython-312-x86_64-linux-gnu.so', 'curd.libs/libx-1.so', 'curd/libz.so.1'],
        linux,
      ),
      members: [...TREE.members, 'curd/_fast.abi3.so'],
    },
  ],
  [
    'passes',
    'an extension that upstream has a pure wheel without',
    { published: 'pure', upstream: upstreamWith(['curd/_fast.abi3.so'], linux), ...withSources('curd/_fast.c') },
  ],
  ['extension', 'declared extensions with their sources, and no wheel', withSources('curd/_fast.pyx')],
  ['passes', 'sources for Windows alone', withSources('curd/_windows.c', 'src/mac/x.m')],
  [
    'passes',
    'sources that nothing declares',
    { sources: { ...sources, extensionSources: ['a.c'], declaresExtension: false } },
  ],
  [
    'passes',
    'sources, and a pure wheel',
    { ...withSources('curd/_fast.pyx'), published: 'pure', upstream: upstreamWith([]) },
  ],
  ['passes', 'a compiled file', { ...withSources('curd/_fast.pyx'), files: [{ path: '/a/_fast.so', elf: true }] }],
  ['files', 'a module that is not there', { upstream: upstreamWith(['curd/more.py']) }],
  ['files', 'data that are not there', { upstream: upstreamWith(['curd/data/table.json']) }],
  ['files', 'py.typed', { upstream: upstreamWith(['curd/py.typed']) }],
  ['files', 'a command', { upstream: upstreamWith(['curd-1.0.data/scripts/churn']) }],
  [
    'passes',
    'what may be missing',
    {
      upstream: upstreamWith([
        'curd/tests/test_a.py',
        'tests/__init__.py',
        'docs/conf.py',
        'curd/_version.py',
        'curd/__pycache__/a.pyc',
        'curd-1.0.dist-info/WHEEL',
        'curd/LICENSE.txt',
        'curd/.gitignore',
        'curd-1.0.data/purelib/curd/cli.py',
        'curd-1.0.data/scripts/curd',
      ]),
    },
  ],
  ['requirements-kept', 'a lost requirement', { upstream: upstreamWith([], { metadata: requiring('whey>=1') }) }],
  [
    'passes',
    'a requirement for another system or an extra, or with another version',
    {
      upstream: upstreamWith([], { metadata: requiring('a; sys_platform == "win32"', 'b; extra == "x"', 'Whey_x>=2') }),
      metadata: requiring('whey-x>=1'),
    },
  ],
  [
    'extras-kept',
    'a lost extra',
    { upstream: upstreamWith([], { metadata: { ...METADATA, providesExtra: ['fast'] } }) },
  ],
  [
    'passes',
    'an extra for work on the project, and one in another spelling',
    {
      upstream: upstreamWith([], { metadata: { ...METADATA, providesExtra: ['dev', 'more_cheese'] } }),
      metadata: { ...METADATA, providesExtra: ['More-Cheese'] },
    },
  ],
  [
    'entry-points-kept',
    'a lost plug-in',
    { upstream: upstreamWith([], { entryPoints: entryPoints('p = curd.plug:P') }) },
  ],
  [
    'passes',
    'a plug-in with another value',
    {
      upstream: upstreamWith([], { entryPoints: entryPoints('p=other:P') }),
      entryPoints: ['p = else:P [x] [curd.plugins]'],
    },
  ],
  ['entry-point-target', 'a plug-in without its module', { entryPoints: [plugin] }],
  ['passes', 'a plug-in of another distribution', { entryPoints: ['p = whey.plug:P [curd.plugins]'] }],
  ['passes', 'a plug-in with its module', { entryPoints: [plugin], members: [...TREE.members, 'curd/plug.py'] }],
  ['build-path', "the build's folder", { buildPaths: [{ path: '/a.py', line: "X = '/build/source/curd-1.0'" }] }],
  ['install', 'dpkg refuses', {}, { installed: false, installMessage: 'depends on python3-b' }],
  ['libraries', 'a library is nowhere', {}, { libraries: [{ path: '/a/_fast.so', missing: 'libx.so.1' }] }],
  [
    'passes',
    'a library beside it',
    { files: [...TREE.files, { path: '/a/lib/libx.so.1', elf: true }] },
    { libraries: [{ path: '/a/_fast.so', missing: 'libx.so.1' }] },
  ],
  ['imports', 'a module fails', {}, { imports: [{ module: 'curd', ok: false, message: "No module named 'b'" }] }],
  ['imports', 'the guest leaves a module out', {}, { imports: [] }],
  ['distribution', 'nothing is found', {}, metadata({ found: false, version: '' })],
  ['distribution', 'another version is found', {}, metadata({ version: '2.0' })],
  [
    'requirements',
    "one of Rennet's own is not found",
    { ownRequirements: [{ project: 'whey', specifier: '>=1' }] },
    metadata({ unmet: ['whey'] }),
  ],
  [
    'requirements',
    "one of Rennet's own is of another version",
    { ownRequirements: [{ project: 'whey', specifier: '>=1' }] },
    metadata({ versions: { whey: '0.9' } }),
  ],
  ['passes', 'an official package with another name inside', {}, metadata({ unmet: ['whey'] })],
  ['entry-points', 'an entry point is not found', {}, metadata({ lostEntryPoints: [plugin] })],
  ['scripts', 'a command fails', {}, { scripts: [{ path: '/usr/bin/curd', ok: false, exit: 1, message: 'x' }] }],
  ['scripts', 'the guest leaves a command out', {}, { scripts: [] }],
  [
    'passes',
    'a command that wants what an extra brings',
    { extraOf: (module) => (module === 'click' ? 'cli' : undefined) },
    {
      scripts: [{ path: '/usr/bin/curd', ok: false, exit: 1, message: "ModuleNotFoundError: No module named 'click'" }],
    },
  ],
];

describe('a package', () => {
  it.each(CASES.map(([rule, what, tree, facts = {}]) => [rule, what, tree, facts] as const))(
    '%s: %s',
    (expected, _what, tree, facts) => {
      expect(verdictOf(facts, tree)).toBe(expected);
    },
  );

  it('that passes names all that it passed, and what is odd', () => {
    const tree = {
      ...TREE,
      upstream: upstreamWith(['curd/tests/x.py']),
      published: 'pure',
      ...withSources('a.c'),
    } as const;
    const first = checkTree(tree);
    const second = judgeFacts({ ...FACTS, ...metadata({ unmet: ['whey'] }) }, tree);
    expect([...first.passed, ...second.passed]).toEqual([...CHECKS.keys()]);
    expect([...first.notes, ...second.notes]).toEqual([
      expect.stringContaining('a.c'),
      expect.stringContaining('whey'),
    ]);
    expect(first.ledger).toEqual([
      { kind: 'file', fact: 'curd/tests/x.py', fate: 'left-out', detail: "is in upstream's wheel only: tests" },
    ]);
  });
});

test('each rule has a case that it ends', () => {
  const ended = new Set(CASES.map(([rule]) => rule));
  expect([...CHECKS.keys()].filter((name) => !ended.has(name))).toEqual([]);
});

test('the rules stand in the document', async () => {
  const document = await readFile(new URL('../../docs/check-rules.md', import.meta.url), 'utf8');
  const rows = [...document.matchAll(/^\| `([a-z-]+)` \| (.+?) \| (.+?) \| `([a-z-]+)` \|$/gm)].map((row) =>
    row.slice(1),
  );
  expect(rows).toEqual([...CHECKS.values()].map((rule) => [rule.name, rule.proves, rule.source, rule.class]));
});
