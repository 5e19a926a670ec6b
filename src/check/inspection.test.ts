import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const guest = fileURLToPath(new URL('../../guest', import.meta.url));

/** What the guest's inspection says; the interpreter that it would become is this one, its distributions are made up. */
const PROGRAM = `
import json, sys, types
from importlib import metadata
import inspection
requires, asked, lines = json.loads(sys.argv[1])
def lookup(name):
    if name not in requires:
        raise metadata.PackageNotFoundError(name)
    return requires[name]
inspection.become_interpreter = lambda: None
metadata.version = lambda name: lookup(name) and "1" or "1"
metadata.requires = lookup
points = metadata.EntryPoints if hasattr(metadata, "EntryPoints") else list
point = lambda name, group: metadata.EntryPoint(name=name, value="curd:a", group=group)
made = types.SimpleNamespace(version="1", entry_points=points([point("a", "console_scripts"), point("b", "curd.plugins")]))
metadata.distribution = lambda name: lookup(name) or made
print(json.dumps(inspection.read_metadata("curd", asked, lines)))
`;

type Installed = Readonly<Record<string, readonly string[] | null>>;

function inspect(installed: Installed, asked: readonly string[], entryPoints: readonly string[] = []) {
  const input = JSON.stringify([{ curd: null, ...installed }, asked, entryPoints]);
  const env = { ...process.env, PYTHONPATH: guest, PYTHONDONTWRITEBYTECODE: '1' };
  return JSON.parse(execFileSync('python3', ['-c', PROGRAM, input], { encoding: 'utf8', env })) as Record<
    string,
    unknown
  >;
}
const unmetOf = (installed: Installed, asked: readonly string[]) => inspect(installed, asked)['unmet'];

test('the guest asks the metadata of what is installed what an extra needs', () => {
  const requests = [
    'idna<4,>=2.5',
    'PySocks!=1.5.7,>=1.5.6; extra == "socks"',
    "whey (>=1) ; (extra == 'Use.Whey')",
    'never; extra == "other"',
    'windows; sys_platform == "win32" and extra == "socks"',
  ];
  const installed = { requests, idna: null };
  expect(unmetOf(installed, ['requests', 'idna'])).toEqual([]);
  expect(unmetOf(installed, ['requests[socks,use-whey]'])).toEqual([
    'PySocks (for requests[socks,use-whey])',
    'whey (for requests[socks,use-whey])',
  ]);
  expect(unmetOf({ ...installed, PySocks: null }, ['requests[socks]'])).toEqual([]);
  expect(unmetOf(installed, ['absent[x]', 'gone'])).toEqual(['absent', 'gone']);
});

test('the guest names versions, and entry points that are not found', () => {
  const lines = ['a = curd:a', 'b = curd:a [x] [curd.plugins]', 'c = curd:c', 'a = curd:a [curd.plugins]'];
  expect(inspect({ idna: null }, ['idna', 'gone'], lines)).toEqual({
    found: true,
    version: '1',
    unmet: ['gone'],
    versions: { idna: '1' },
    lostEntryPoints: ['c = curd:c', 'a = curd:a [curd.plugins]'],
  });
});
