import { GENERIC_NAMES } from '../model/generic-names.ts';
import type { RecordedFile } from '../python/record.ts';

/** A file of upstream's wheel that ours lacks. */
export interface LostFile {
  readonly path: string;
  /** Why that is no defect; undefined where it is one. */
  readonly reason?: string;
}

const EXTENSION = /(?:\.[A-Za-z0-9_-]+)*\.(?:so|pyd)$/;

/** The first that matches says why a file may be missing. Paths as `placeOf` gives them. */
const REASONS: readonly (readonly [string, RegExp])[] = [
  ['metadata', /^[^/]+\.(?:dist-info|egg-info)\//],
  ['header', /^\.data\/headers\//],
  ['byte code', /\.py[co]$|(?:^|\/)__pycache__\//],
  ['path file', /^[^/]+\.pth$/],
  // auditwheel and delocate copy libraries there; the package uses those of the suite.
  ['vendored library', /(?:^|\/)[^/]+\.libs\/|(?:^|\/)\.dylibs\//],
  // Extension modules have a rule of their own, which knows their names.
  ['compiled file', /\.(?:so(?:\.[0-9.]+)?|pyd|dll|dylib|exe|a|lib|o)$/i],
  ['tests', /(?:^|\/)(?:tests?|unittests?)\/|(?:^|\/)(?:test_[^/]*|[^/]*_tests?|conftest|tests?)\.py$/i],
  ['documentation', /(?:^|\/)(?:docs?|examples?|demos?|benchmarks?)\//i],
  [
    'documentation',
    /(?:^|\/)(?:readme|licen[cs]e|copying|notice|authors|changelog|changes|history|contributing)[^/]*$/i,
  ],
  // Written by the build out of the version control system, which differs from one build to the next.
  ['version file', /(?:^|\/)_*(?:git_?)?(?:version|build_?info|commit|revision)_*(?:\.(?:pyi?|txt|json))?$/i],
  ['source of compiled code', /\.(?:c|cc|cpp|cxx|cu|h|hh|hpp|pyx|pxd|pxi|rs|f|f90)$/i],
  ['left over by a tool', /(?:^|\/)\.|(?:~|\.(?:orig|bak|swp|tmp|rej))$/],
];

/**
 * What upstream's wheel has and ours does not, each with the reason where that is no defect. `members`: all of ours, left out
 * by admission or not; `commands`: names of the commands of the package. Pure.
 */
export function lostFiles(
  upstream: readonly RecordedFile[],
  members: readonly string[],
  commands: ReadonlySet<string>,
): LostFile[] {
  const own = new Set(members.map(placeOf));
  const stems = new Set([...own].filter((path) => EXTENSION.test(path)).map((path) => path.replace(EXTENSION, '')));
  return upstream.flatMap(({ path: recorded }) => {
    const path = placeOf(recorded);
    // A compiled module stands for its source of the same name, and for itself with another suffix.
    const stem = path.replace(/\.py$/, '').replace(EXTENSION, '');
    if (own.has(path) || path.endsWith('/') || stems.has(stem)) return [];
    const command = /^\.data\/scripts\/(.+)$/.exec(path)?.[1];
    if (command !== undefined) return commands.has(command) ? [] : [{ path: recorded }];
    const reason = reasonOf(path);
    return [{ path: recorded, ...(reason === undefined ? {} : { reason }) }];
  });
}

/** The extension modules of a list, as `folder/name`. */
export function extensionModules(paths: readonly string[]): Set<string> {
  const modules = paths
    .map(placeOf)
    .filter((path) => EXTENSION.test(path) && !/(?:^|\/)lib[^/]*$|\.libs\/|^\.data\//.test(path));
  return new Set(modules.map((path) => path.replace(EXTENSION, '')));
}

/** Where an installer puts a member, whatever the folder of the wheel is called. */
function placeOf(path: string): string {
  return path.replace(/^[^/]+\.data\/(?:purelib|platlib)\//, '').replace(/^[^/]+\.data\//, '.data/');
}

function reasonOf(path: string): string | undefined {
  const found = REASONS.find(([, pattern]) => pattern.test(path))?.[0];
  if (found !== undefined) return found;
  const [top = ''] = path.split('/');
  return GENERIC_NAMES.has(top.replace(/\.py$/, '').toLowerCase()) ? 'generic name' : undefined;
}
