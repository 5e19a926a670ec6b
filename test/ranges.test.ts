import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianVersion, relationsFor } from '../src/debian/pypi-version.ts';
import { packagingOracle } from '../src/python/testing/oracle.ts';

// apt accepts exactly what `packaging` accepts, in both directions: apt itself answers, from packages that are only stanzas.

/** `RENNET_PAIRS=100000` is the long proof. */
const PAIRS = Number(process.env['RENNET_PAIRS'] ?? 4000);
const TRIED_ALONE = 15;

const joined = (parts: readonly string[]): string => parts.join('');
const release = fc.constantFrom('1', '1.0', '1.0.0', '1.0.1', '1.1', '1.0.0.1', '1.10', '2', '0', '0.9', '20230101');
const version = fc
  .tuple(
    release,
    fc.constantFrom('', '', 'a1', 'b2', 'rc1', '-alpha', '.c02'),
    fc.constantFrom('', '', '.post0', '.post1', '-1', 'r10'),
    fc.constantFrom('', '', '.dev0', '.dev1', '.dev10'),
  )
  .map(joined);
const clause = fc.oneof(
  fc.tuple(fc.constantFrom('>=', '<=', '<', '>', '=='), version).map(joined),
  release.map((text) => `==${text}.*`),
  fc.tuple(fc.constantFrom('1', '1.0', '0.0'), version).map(([lead, rest]) => `~=${lead}.${rest}`),
);
const specifier = fc.array(clause, { maxLength: 3 }).map((clauses) => clauses.join(','));

interface Pair {
  readonly version: string;
  readonly relations: readonly string[];
  readonly accepted: boolean;
}

let folder = '';
let pairs: readonly Pair[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ranges-'));
  const drawn = fc.sample(fc.tuple(specifier, version), PAIRS);
  const oracle = await packagingOracle();
  const answers = await oracle.ask(
    drawn.map(([text, candidate]) => ({ op: 'contains', specifier: text, version: candidate, prereleases: true })),
  );
  oracle.close();
  pairs = drawn.map(([text, candidate], index) => ({
    version: debianVersion(candidate, 'deb12'),
    relations: relationsFor(text, `range${index}`).relations,
    accepted: answers[index]?.value === true,
  }));
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

/** `rangeN` at the version, and `needsN` that depends on it. */
function stanzas(fields: string): string {
  return pairs
    .map(({ version: text, relations }, index) =>
      [
        `Package: range${index}\nVersion: ${text}\nArchitecture: all\nMaintainer: A <a@x.example.org>\nDescription: x\n${fields}`,
        `Package: needs${index}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@x.example.org>\nDescription: x\nDepends: ${relations.join(', ')}\n${fields}`,
      ].join('\n'),
    )
    .join('\n');
}

/** apt with nothing of this host; `installed` is its dpkg status, `archive` the Packages file of its only source. */
async function privateApt(
  name: string,
  installed: string,
  archive: string,
): Promise<(...args: string[]) => ReturnType<typeof execa>> {
  const root = join(folder, name);
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'archive', 'etc'])
    await mkdir(join(root, part), { recursive: true });
  await writeFile(join(root, 'status'), installed);
  await writeFile(join(root, 'archive/Packages'), archive);
  await writeFile(join(root, 'sources.list'), `deb [trusted=yes] file:${root}/archive ./\n`);
  const config = join(root, 'apt.conf');
  const settings = {
    'Dir::Etc': `${root}/etc/`,
    'Dir::Etc::sourcelist': `${root}/sources.list`,
    'Dir::Etc::parts': '/dev/null',
    'Dir::State': `${root}/state`,
    'Dir::State::status': `${root}/status`,
    'Dir::Cache': `${root}/cache`,
    'APT::Sandbox::User': 'root',
    'APT::Cache-Start': '200000000',
  };
  await writeFile(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  return (...args) => execa('apt-get', args, { env: { APT_CONFIG: config, LC_ALL: 'C' }, reject: false, all: true });
}

test('the dependencies of installed packages', async () => {
  const apt = await privateApt('installed', stanzas('Status: install ok installed\n'), '');
  const { all } = await apt('check');
  const broken = new Set([...String(all).matchAll(/^ needs(\d+) :/gm)].map(([, number]) => Number(number)));
  const wrong = pairs.flatMap(({ accepted, ...pair }, index) =>
    broken.has(index) === accepted ? [{ ...pair, accepted }] : [],
  );
  expect(wrong).toEqual([]);
  expect(broken.size).toBeGreaterThan(PAIRS / 10);
  expect(broken.size).toBeLessThan((PAIRS * 9) / 10);
}, 120_000);

test('the solver installs what is accepted, all of it at once, and nothing else', async () => {
  const apt = await privateApt('archive', '', stanzas(`Filename: ./x.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`));
  expect(await apt('update')).toMatchObject({ exitCode: 0 });
  const [fitting, others] = [true, false].map((wanted) =>
    pairs.flatMap(({ accepted }, index) => (accepted === wanted ? [`needs${index}`] : [])),
  );
  const together = fitting?.slice(0, 200) ?? [];
  const { exitCode, all } = await apt('install', '--simulate', '--yes', ...together);
  expect(exitCode, String(all)).toBe(0);
  for (const name of together) expect(String(all)).toContain(`Inst ${name} `);
  for (const name of others?.slice(0, TRIED_ALONE) ?? []) {
    const refused = await apt('install', '--simulate', '--yes', name);
    expect([name, refused.exitCode]).toEqual([name, 100]);
    expect(String(refused.all)).toContain('unmet dependencies');
  }
}, 120_000);
