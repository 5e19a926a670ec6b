import { execa } from 'execa';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/* Imports point downwards only (docs/architecture.md). The linter holds that; here it is shown that it does. */

const ROOT = join(import.meta.dirname, '..');
const COORDINATOR = ['plan', 'admit', 'assemble', 'source', 'publish'];
const WORKER = ['stage', 'build', 'check', 'tests'];
const FORMATS = ['python', 'debian', 'host', 'model'];

/** What each place below `src` may import; a place itself is always allowed. `flow` stands for the files of `src` itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['flow', 'hints', ...COORDINATOR, ...WORKER, 'image', 'store', 'machine', ...FORMATS],
  flow: ['hints', ...COORDINATOR, ...WORKER, 'image', 'store', 'machine', ...FORMATS],
  ...Object.fromEntries(COORDINATOR.map((stage) => [stage, ['image', 'store', 'machine', ...FORMATS]])),
  // What a worker runs never sees the database.
  ...Object.fromEntries(WORKER.map((stage) => [stage, ['image', 'machine', ...FORMATS]])),
  image: ['machine', ...FORMATS],
  store: FORMATS,
  machine: FORMATS,
  hints: FORMATS,
  python: ['host', 'model'],
  debian: ['host', 'model'],
  host: ['model'],
  model: [],
};
const PLACES = Object.keys(MAY_IMPORT);

const FORMS: readonly ((path: string) => string)[] = [
  (path) => `import { it } from '${path}';\nit();\n`,
  (path) => `import type { It } from '${path}';\nexport const it: It = 1;\n`,
  (path) => `export { it } from '${path}';\n`,
  (path) => `export * from '${path}';\n`,
  (path) => `import '${path}';\n`,
];

/** One file for each pair of places and form of import, at the depth given; gives `stage -> store` for those that the linter refuses. */
async function refusedPairs(folders: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const scratch = await mkdtemp(join(tmpdir(), 'rennet-layers-'));
  try {
    await copyFile(join(ROOT, '.oxlintrc.json'), join(scratch, '.oxlintrc.json'));
    const pairs = new Map<string, string>();
    for (const from of PLACES)
      for (const to of PLACES.filter((place) => place !== from))
        for (const [form, write] of FORMS.entries()) {
          const own = from === 'flow' ? [] : [from, ...folders];
          const file = join('src', ...own, `${to}-${form}.ts`);
          const up = own.length === 0 ? './' : '../'.repeat(own.length);
          pairs.set(file, `${from} -> ${to}`);
          await mkdir(dirname(join(scratch, file)), { recursive: true });
          await writeFile(join(scratch, file), write(`${up}${to === 'flow' ? 'flow.ts' : `${to}/it.ts`}`));
        }
    const run = await execa('oxlint', ['--format=json', '--disable-nested-config'], {
      cwd: scratch,
      preferLocal: true,
      localDir: ROOT,
      reject: false,
    });
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { code: string; filename: string }[] };
    const refused = new Map<string, number>();
    for (const { code, filename } of diagnostics) {
      const pair = pairs.get(filename);
      if (code.includes('no-restricted-imports') && pair) refused.set(pair, (refused.get(pair) ?? 0) + 1);
    }
    return refused;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const forbidden = PLACES.flatMap((from) =>
  PLACES.filter((to) => to !== from && MAY_IMPORT[from]?.includes(to) !== true).map((to) => `${from} -> ${to}`),
);

test.each([
  ['directly in a folder', []],
  ['in a folder of a folder', ['deep']],
])('the linter refuses every import upwards or sideways, %s', async (_, folders) => {
  const refused = await refusedPairs(folders);
  expect([...refused.keys()].toSorted()).toEqual(forbidden.toSorted());
  expect(new Set(refused.values())).toEqual(new Set([FORMS.length]));
});

test('every folder of src has its place', async () => {
  const entries = await readdir(join(ROOT, 'src'), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  // bootstrap is shell: it runs before there is a Node.
  expect(folders.toSorted()).toEqual([...PLACES.filter((place) => place !== 'flow'), 'bootstrap'].toSorted());
});

test('no import hides from the linter in an expression, but the command line loading its own commands', async () => {
  for (const file of await filesOf('src', /\.ts$/)) {
    const hidden = (await readFile(file, 'utf8')).match(/\bimport\((?!'\.\/)[^)]*/g) ?? [];
    if (!file.endsWith('layers.test.ts')) expect(hidden, file).toEqual([]);
  }
});

test('what runs in a guest needs nothing but the standard library', async () => {
  const { stdout } = await execa('python3', ['-c', "import sys; print(' '.join(sys.stdlib_module_names))"]);
  const files = await filesOf('guest', /\.py$/);
  const known = new Set([...stdout.split(' '), ...files.map((file) => file.replace(/^.*\/|\.py$/g, ''))]);
  expect(files.length).toBeGreaterThan(5);
  for (const file of files)
    for (const [, name] of (await readFile(file, 'utf8')).matchAll(/^\s*(?:import|from)\s+([A-Za-z_]\w*)/gm))
      expect(known, `${file} imports ${name}`).toContain(name);
});

test('Python and shell files end at 300 lines, as the linter makes TypeScript do', async () => {
  const files = [...(await filesOf('guest', /./)), ...(await filesOf('src', /\.(?:py|sh)$/))];
  for (const file of files) expect((await readFile(file, 'utf8')).split('\n').length, file).toBeLessThanOrEqual(301);
});

async function filesOf(folder: string, name: RegExp): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && name.test(entry.name) && !entry.parentPath.includes('__pycache__'))
    .map((entry) => join(entry.parentPath, entry.name));
}
