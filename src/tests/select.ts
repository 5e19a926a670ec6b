import { normaliseProject } from '../model/project-name.ts';

/** What of an sdist is unpacked for its tests. Paths without the top folder. */
export interface TestSelection {
  readonly keep: readonly string[];
  /** Where unittest looks for tests. */
  readonly start: string;
  /** Dotted packages whose tests were installed with them; only where the sdist has none beside its modules. */
  readonly installed: readonly string[];
}

const SITE = '/usr/lib/python3/dist-packages/';
/** What tells a runner how to run; docs.pytest.org, "Configuration file formats". */
const SETTINGS = /^(?:conftest\.py|\.?pytest\.(?:ini|toml)|pyproject\.toml|setup\.cfg|tox\.ini)$/;
const TEST_FILE = /^(?:test_.*|.*_test|tests?)\.py$/;
const TEST_FOLDER =
  /^(?:(?:unit|integration|functional|func)?[-_]?tests?|testing|test[-_]?(?:suite|data|files|cases|utils)|testsuite|fixtures)$/i;
/** Folders that hold modules and are none themselves. */
const CONTAINERS = new Set(['src', 'lib', 'python', 'source']);
const MAX_FILES = 20_000;

/**
 * Chooses the tests among the names of an sdist (without its top folder), leaving the project's own modules out, so that the installed package
 * is what is tested. `installed`: absolute paths of the package. A string says why there is nothing to run. Pure.
 */
export function selectTests(names: readonly string[], installed: readonly string[]): TestSelection | string {
  const own = ownModules(installed);
  const beside = names.filter((name) => isTest(name) && !own.has(topOf(withoutContainer(name))));
  const settings = names.filter((name) => SETTINGS.test(name));
  const tests = beside.filter((name) => name.endsWith('.py') && !SETTINGS.test(name) && !name.endsWith('__init__.py'));
  const [first] = tests.toSorted((a, b) => a.split('/').length - b.split('/').length);
  if (first !== undefined) {
    const keep = [...new Set([...settings, ...beside])];
    if (keep.length > MAX_FILES) return `its tests are more than ${MAX_FILES} files`;
    return { keep, start: startOf(first), installed: [] };
  }
  const packages = installed.flatMap(packageOfTest);
  if (packages.length > 0) return { keep: settings, start: '.', installed: outermost(packages) };
  return names.some(isTest) ? 'its tests lie inside its modules and are not installed' : 'the sdist has no tests';
}

/** Everything but the project's own modules, for a command of the operator's. Pure. */
export function selectAll(names: readonly string[], installed: readonly string[]): TestSelection | string {
  const own = ownModules(installed);
  const keep = [...new Set(names)].filter((name) => !own.has(topOf(withoutContainer(name))));
  return keep.length > MAX_FILES ? `its tests are more than ${MAX_FILES} files` : { keep, start: '.', installed: [] };
}

function ownModules(installed: readonly string[]): ReadonlySet<string> {
  return new Set(installed.flatMap((path) => (path.startsWith(SITE) ? [topOf(path.slice(SITE.length))] : [])));
}

/** True for the names of extras and dependency groups that hold what tests need. */
export function isTestGroup(name: string): boolean {
  return /^(?:unit-?)?tests?$|^testing$|^pytest$/.test(normaliseProject(name));
}

/** Second choice: what developers install often holds what tests need. */
export function isDeveloperGroup(name: string): boolean {
  return /^dev(?:el|elop|elopment|eloper)?$/.test(normaliseProject(name));
}

function isTest(name: string): boolean {
  const parts = name.split('/');
  const file = parts.pop() ?? '';
  return parts.some((part) => TEST_FOLDER.test(part)) || (parts.length === 0 && TEST_FILE.test(file));
}

function withoutContainer(name: string): string {
  const [first = '', ...rest] = name.split('/');
  return rest.length > 0 && CONTAINERS.has(first) ? rest.join('/') : name;
}

/** `foo` of `foo/bar.py`, `foo.py` and `foo.cpython-311-x86_64-linux-gnu.so`. */
function topOf(path: string): string {
  const [first = '', ...rest] = path.split('/');
  return rest.length > 0 ? first : first.replace(/\..*$/, '');
}

/** The outermost test folder that holds the file. */
function startOf(name: string): string {
  const folders = name.split('/').slice(0, -1);
  const found = folders.findIndex((part) => TEST_FOLDER.test(part));
  return found < 0 ? '.' : folders.slice(0, found + 1).join('/');
}

function packageOfTest(path: string): string[] {
  const parts = path.startsWith(SITE) ? path.slice(SITE.length).split('/') : [];
  const file = parts.pop() ?? '';
  const found = parts.findIndex((part) => TEST_FOLDER.test(part));
  const named = parts.slice(0, found + 1);
  const isPackage = found > 0 && TEST_FILE.test(file) && named.every((part) => /^[A-Za-z_]\w*$/.test(part));
  return isPackage ? [named.join('.')] : [];
}

function outermost(packages: readonly string[]): string[] {
  const all = [...new Set(packages)];
  return all.filter((one) => !all.some((other) => one.startsWith(`${other}.`))).slice(0, 50);
}
