import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const guest = fileURLToPath(new URL('../../guest', import.meta.url));

/** What the guest's inspection says; the interpreter that it would become is this one, its distributions are made up. */
const PROGRAM = `
import json, sys
from importlib import metadata
import inspection
requires, asked = json.loads(sys.argv[1])
def lookup(name):
    if name not in requires:
        raise metadata.PackageNotFoundError(name)
    return requires[name]
inspection.become_interpreter = lambda: None
metadata.version = lambda name: lookup(name) and "1" or "1"
metadata.requires = lookup
print(json.dumps(inspection.read_metadata("curd", asked)["unmet"]))
`;

function unmetOf(installed: Readonly<Record<string, readonly string[] | null>>, asked: readonly string[]): unknown {
  const input = JSON.stringify([{ curd: null, ...installed }, asked]);
  const env = { ...process.env, PYTHONPATH: guest, PYTHONDONTWRITEBYTECODE: '1' };
  return JSON.parse(execFileSync('python3', ['-c', PROGRAM, input], { encoding: 'utf8', env }));
}

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
