import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chroot, openChroot } from './support/chroot.ts';
import { type EndedCommand, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, stateWithImages } from './support/demo-state.ts';

// Projects that share a namespace with one another and with official packages, and a name with the distribution's commands: built in real
// guests, then installed together by apt. docs/decisions/0013-shared-paths.md.

/** The first test on a machine makes the images. */
const SETUP_MS = 600_000;
const PKG_RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)\n";
const PKGUTIL = '# of old\nfrom pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n';

/** Each with the further files of its wheel. `zope` and `google` are namespaces of bookworm, the one with an official `__init__`. */
const PROJECTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'milk-one': {
    'milk/__init__.py': PKG_RESOURCES,
    'milk/one/__init__.py': 'name = "one"\n',
    'milk_one-1.0-nspkg.pth': 'import sys\n',
  },
  'milk-two': {
    'milk/__init__.py': PKGUTIL,
    'milk/two/__init__.py': 'name = "two"\n',
    'milk/single.py': 'name = "single"\n',
    'google/__init__.py': '',
    'google/curd/__init__.py': 'name = "curd"\n',
  },
  'zope-curdle': {
    'zope/__init__.py': PKG_RESOURCES,
    'zope/curdle/__init__.py': 'import zope.interface\nname = "curdle"\n',
    'milk/three/__init__.py': 'from milk.one import name as other\nname = "three"\n',
    'zope_curdle-1.0.dist-info/entry_points.txt':
      '[console_scripts]\nls = zope_curdle:main\ncurd-ls = zope_curdle:main\nx y = zope_curdle:main\n',
    'zope_curdle-1.0.data/data/share/zope-curdle/table.txt': 'own',
    'zope_curdle-1.0.data/data/share/man/man1/ls.1': '.TH ls 1\n',
    'zope_curdle-1.0.data/data/share/man/man1/curd-ls.1': '.TH curd-ls 1\n',
    'zope_curdle-1.0.data/data/etc/curd/curd.conf': 'a = b\n',
  },
};
const METADATA: Readonly<Record<string, readonly string[]>> = {
  'zope-curdle': ['Requires-Dist: zope.interface', 'Requires-Dist: milk-one'],
};

let index: DemoIndex;
let demo: DemoState;
let ended: EndedCommand;
let system: Chroot | undefined;
const inside = async (script: string): Promise<string> => (await system?.run(script)) ?? '';
const run = (...args: readonly string[]): Promise<EndedCommand> =>
  rennet([...args, ...demo.args], { env: { ...index.env, TMPDIR: demo.temporary } });

beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  for (const [project, files] of Object.entries(PROJECTS))
    await index.add({
      project,
      module: 'def main(): print("from curd")',
      metadata: METADATA[project] ?? [],
      packing: `files.update(${JSON.stringify(files)})`,
    });
  ended = await run('build', '--driver', 'namespace', '--allow-unisolated', ...Object.keys(PROJECTS));
  expect(ended.status, ended.stderr).toBe(0);
  system = await openChroot(demo.state.archive);
  await system.write('/etc/apt/sources.list.d/rennet.sources', String(ended.events.at(-1)?.['sources']));
  const packages = Object.keys(PROJECTS).map((project) => `python3-${project}`);
  await system.run(
    `apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y ${packages.join(' ')} python3-zope.interface python3-protobuf`,
  );
}, SETUP_MS);
afterAll(async () => {
  await system?.close();
  await demo.close();
  await index.close();
});

describe('installed together', () => {
  test('all of them are published', () => {
    expect(ended.events.at(-1)).toMatchObject({ published: Object.keys(PROJECTS).length, failed: 0 });
  });

  test('every part of the namespaces imports, beside what official packages have in them', async () => {
    const modules = ['milk.one', 'milk.two', 'milk.single', 'milk.three', 'zope.curdle', 'google.curd'];
    const imported = await inside(
      `python3 -W ignore -c 'import ${modules.join(', ')}, zope.interface, google.protobuf; print(${modules.map((name) => `${name}.name`).join(', ')})'`,
    );
    expect(imported.trim()).toBe('one two single three curdle curd');
    expect(await inside('dpkg --audit; apt-get check --quiet=2')).toBe('');
  });

  test('no package of the namespace owns its folder, and one can go without the others', async () => {
    const owned = await inside("dpkg-query -L python3-milk-one python3-milk-two | grep '/milk/__init__[.]py$' || true");
    expect(owned).toBe('');
    await inside('dpkg --purge python3-milk-two');
    expect(await inside('python3 -c "import milk.one, milk.three; print(milk.three.other)"')).toBe('one');
  });

  test("the distribution's command and manual page stay its own; what could go over did", async () => {
    expect(await inside('curd-ls; ls -d /usr; dpkg -S /usr/bin/ls /bin/ls 2>/dev/null || true')).toMatch(
      /^from curd\n\/usr\n(?:coreutils: .*\n?)+$/,
    );
    const files = await inside('dpkg -L python3-zope-curdle');
    expect(files).toContain('/usr/share/zope-curdle/table.txt');
    expect(files).toContain('/usr/share/man/man1/curd-ls.1.gz');
    expect(files).toContain('/usr/share/doc/python3-zope-curdle/examples/etc/curd/curd.conf');
    expect(files).not.toMatch(/\/bin\/ls$|\/ls[.]1/m);
  });

  test('rennet why names what was left out, first and with its rule', async () => {
    const { stdout } = await rennet(['why', 'zope-curdle', ...demo.args], { env: { ...index.env }, plain: true });
    expect(stdout).toMatch(/^left out \(.*\n(?: .*\n)* {2}entry-point {2}ls = zope_curdle:main +official-program: /m);
    const [why] = (await run('why', 'milk-one')).events;
    expect(why?.['ledger']).toContainEqual({
      kind: 'file',
      fact: 'milk/__init__.py',
      fate: 'approximated',
      detail: 'namespace-init: only declares a namespace, which the folder is without it',
    });
  });
});
