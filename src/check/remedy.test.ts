import { expect, test } from 'vitest';
import type { CheckFacts } from './facts.ts';
import { remedyFor } from './remedy.ts';
import { FACTS, TREE } from './testing/tree.ts';

function fails(message: string): CheckFacts {
  return { ...FACTS, imports: [{ module: 'curd', ok: false, message }] };
}

function startsNot(message: string): CheckFacts {
  return { ...FACTS, scripts: [{ path: '/usr/bin/curd', ok: false, exit: 1, message }] };
}

test('a package in which nothing is wrong, or that does not install, needs no remedy', () => {
  expect(remedyFor(FACTS, TREE)).toBeUndefined();
  expect(remedyFor({ ...fails("No module named 'pkg_resources'"), installed: false }, TREE)).toBeUndefined();
});

test.each(['pkg_resources', 'setuptools', 'distutils.util'])('%s is a requirement that nobody declared', (module) => {
  const facts = fails(`Traceback …\nModuleNotFoundError: No module named '${module}'\n`);
  expect(remedyFor(facts, TREE)).toMatchObject({ kind: 'require', project: 'setuptools' });
});

test.each(["ModuleNotFoundError: No module named 'watchdog'", 'RuntimeError: pkg_resources', 'not tried'])(
  '%s stays a defect',
  (message) => expect(remedyFor(fails(message), TREE)).toBeUndefined(),
);

test('a command whose function is not there is left out, unless it is all that there is', () => {
  const why = "ImportError: cannot import name '_main' from 'curd.cli'";
  const commands = [{ path: '/usr/bin/curd', why }];
  expect(remedyFor(startsNot(why), TREE)).toEqual({ kind: 'leave-out', commands });
  expect(remedyFor(startsNot(why), { ...TREE, modules: [] })).toBeUndefined();
  expect(remedyFor({ ...startsNot(why), imports: fails('x').imports }, TREE)).toBeUndefined();
});

test.each(['SyntaxError: invalid syntax', "ModuleNotFoundError: No module named 'typer'"])(
  'a command that ends with %s is not hidden',
  (why) => expect(remedyFor(startsNot(why), TREE)).toBeUndefined(),
);
