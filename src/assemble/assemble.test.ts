import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseStanzas } from '../debian/deb822.ts';
import type { LedgerLine } from '../model/outcome.ts';
import { assemble, type AssemblePorts } from './assemble.ts';
import type { AdmittedTree } from './admitted-tree.ts';
import { requiresPythonLine } from './ledger.ts';
import { METADATA, RECIPE } from '../model/testing/curd.ts';
import { treeOf } from './testing/tree.ts';

const SITE = '/usr/lib/python3/dist-packages';
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assemble-'));
});
afterEach(() => rm(folder, { recursive: true }));

const resolution = {
  met: [],
  unmet: [],
  ledger: [{ kind: 'extra', fact: 'x', fate: 'left-out', detail: '' }],
} as const;

async function assembled(
  tree: AdmittedTree,
  name = 'out',
  recipe = RECIPE,
  {
    archive = { dists: () => [] },
    ledger = resolution.ledger,
  }: { archive?: AssemblePorts['archive']; ledger?: readonly LedgerLine[] } = {},
) {
  const ports: AssemblePorts = {
    archive,
    pythonRelations: (bound) => ({ relations: [], approximated: bound === undefined ? [] : [bound] }),
    maintainer: 'The Farm <farm@farm.example.org>',
    build: 1,
    folder: join(folder, name),
  };
  return assemble(tree, recipe, { ...resolution, ledger }, ports, new AbortController().signal);
}

describe('assemble', () => {
  it('writes what dpkg-deb reads', async () => {
    const tree = await treeOf(folder, {
      [`${SITE}/curd/__init__.py`]: 'x = 1\n',
      '/usr/bin/curd': '#!/usr/bin/python3\n',
    });
    const deb = await assembled(tree);
    expect(deb.path).toBe(join(folder, 'out', 'python3-curd_1.0-0~pypi1~deb12_all.deb'));
    expect(deb).toMatchObject({ version: '1.0-0~pypi1~deb12', architecture: 'all', scripts: ['/usr/bin/curd'] });
    const { stdout } = await execa('dpkg-deb', ['--field', deb.path]);
    expect(stdout.trim()).toBe(deb.control.trim());
    const root = join(folder, 'root');
    await execa('dpkg-deb', ['--raw-extract', deb.path, root]);
    const documents = join(root, 'usr/share/doc/python3-curd');
    expect(gunzipSync(await readFile(join(documents, 'changelog.Debian.gz'))).toString()).toMatch(
      /^python3-curd \(1\.0-0~pypi1~deb12\) bookworm; urgency=medium\n[^]* -- The Farm <farm@farm\.example\.org> {2}Mon, 06 May 2024 07:08:09 \+0000\n$/,
    );
    expect(await readFile(join(documents, 'copyright'), 'utf8')).toContain('Upstream-Name: curd');
    expect(await readFile(join(root, SITE, 'curd/__init__.py'), 'utf8')).toBe('x = 1\n');
    expect(await readFile(join(root, 'DEBIAN/postinst'), 'utf8')).not.toContain('curd');
  });

  it('gives the same bytes for the same input', async () => {
    const tree = await treeOf(folder, { [`${SITE}/curd.py`]: 'x = 1\n' });
    const [first, second] = [await assembled(tree, 'one'), await assembled(tree, 'two')];
    expect(second.sha256).toBe(first.sha256);
  });

  it('keeps one stanza and its own fields, whatever the metadata says', async () => {
    const evil = 'a\n\nPackage: evil\nEssential: yes\u202e\0';
    const metadata = {
      ...METADATA,
      summary: evil,
      description: `${evil}\n\n.\n`,
      homePage: `https://x.example.org/${evil}`,
      author: evil,
      requiresPython: evil,
    };
    const tree = await treeOf(folder, { [`${SITE}/curd.py`]: '' }, { metadata });
    const [stanza, ...more] = parseStanzas((await assembled(tree)).control);
    expect(more).toEqual([]);
    expect([...(stanza?.keys() ?? [])]).toEqual([
      'Package',
      'Version',
      'Architecture',
      'Maintainer',
      'Installed-Size',
      'Depends',
      'Provides',
      'Section',
      'Priority',
      'Description',
    ]);
  });

  it("takes the target's architecture for compiled code", async () => {
    const tree = await treeOf(
      folder,
      { [`${SITE}/curd.abi3.so`]: '' },
      { hasElf: true, pythonBound: 'abi3', sharedLibraries: ['libc6 (>= 2.14)'] },
    );
    const deb = await assembled(tree);
    expect(deb.architecture).toBe('amd64');
    expect(deb.control).toContain('\nDepends: python3, libc6 (>= 2.14)\n');
    expect(deb.control).toContain('\nProvides: pypi-dist-curd (= 1.0-0~pypi1~deb12)\n');
  });

  it.each([undefined, 'never', '9999-01-01T00:00:00Z', '1970-01-01T00:00:00Z'])(
    'takes a fixed time where the index says %s',
    async (uploadedAt) => {
      const tree = await treeOf(folder, { [`${SITE}/curd.py`]: '' });
      const deb = await assembled(tree, 'out', { ...RECIPE, source: { ...RECIPE.source, uploadedAt } });
      const { stdout } = await execa('dpkg-deb', ['--contents', deb.path], { env: { TZ: 'UTC' } });
      expect(stdout).toContain('2000-01-01 00:00 ./usr/share/doc/python3-curd/copyright');
    },
  );

  it('puts together the ledgers of all stages', async () => {
    const tree = await treeOf(
      folder,
      { [`${SITE}/curd.py`]: '' },
      { ledger: [{ kind: 'file', fact: 'curd.py', fate: 'translated', detail: '' }] },
    );
    expect((await assembled(tree)).ledger.map(({ kind, fact }) => `${kind} ${fact}`)).toEqual([
      'extra x',
      'file curd.py',
      'field License',
    ]);
  });

  it('says of extras in the ledger what the control file says', async () => {
    const rich = "rich; extra == 'Pretty'";
    const metadata = { ...METADATA, requiresDist: [rich, "none; extra == 'bare'"], providesExtra: ['Pretty', 'bare'] };
    const tree = await treeOf(folder, { [`${SITE}/curd.py`]: '' }, { metadata });
    const leftOut = (kind: 'extra' | 'requirement', fact: string) =>
      ({ kind, fact, fate: 'left-out', detail: 'optional' }) as const;
    const lines = [leftOut('requirement', rich), leftOut('extra', 'Pretty'), leftOut('extra', 'bare')];
    const official = { package: 'python3-rich', packageVersion: '1', upstreamVersion: '1', architecture: 'all' };
    const archive: AssemblePorts['archive'] = {
      dists: (project) => (project === 'rich' ? [{ project, ...official }] : []),
    };
    const { control, ledger } = await assembled(tree, 'out', RECIPE, { archive, ledger: lines });
    expect(control).toContain('\nSuggests: python3-rich\n');
    expect(ledger.slice(0, 3).map(({ fate, detail }) => `${fate} ${detail}`)).toEqual([
      'approximated Suggests: python3-rich; for the extra Pretty',
      'approximated Suggests: python3-rich',
      'left-out optional',
    ]);
  });

  it('tells which part of Requires-Python the package does not say', async () => {
    const fields = [{ name: 'Requires-Python', value: '!=3.12.1' }];
    const metadata = { ...METADATA, requiresPython: '!=3.12.1', fields };
    const tree = await treeOf(folder, { [`${SITE}/curd.py`]: '' }, { metadata });
    expect((await assembled(tree)).ledger).toContainEqual({
      kind: 'field',
      fact: 'Requires-Python: !=3.12.1',
      fate: 'left-out',
      detail: 'not in Depends: !=3.12.1',
    });
    const line = (relations: string[], approximated: string[]) => requiresPythonLine('r', { relations, approximated });
    const bound = 'python3:any (>= 3.8~)';
    expect(line([bound], [])).toMatchObject({ fate: 'translated', detail: 'Depends on python3 (>= 3.8~)' });
    expect(line([bound], ['!=3.9'])).toMatchObject({
      fate: 'approximated',
      detail: 'Depends on python3 (>= 3.8~); not in Depends: !=3.9',
    });
    expect(line([], [])).toMatchObject({ fate: 'left-out' });
  });
});
