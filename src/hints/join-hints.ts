import type { Hint, HintedPackage, HintOrigin, RememberedHint } from '../model/hint.ts';
import { specifierAccepts } from '../python/version.ts';
import type { FileHint } from './hints-file.ts';

/**
 * What is known of one release for one suite: the operator's file, then what is remembered, each thing once and by the one who
 * says it first. `remembered` are the rows of the project and suite. Pure.
 */
export function joinHints(
  release: { readonly project: string; readonly version: string; readonly suite: string },
  file: readonly FileHint[],
  remembered: readonly RememberedHint[],
): Hint {
  const entries = file.filter((entry) => speaksOf(entry, release));
  const rows = remembered.filter(({ project, suite }) => project === release.project && suite === release.suite);
  const said = (texts: readonly string[]) => texts.map((text) => hinted(text, 'file', 'hints file'));
  const kept = (kind: RememberedHint['kind']) =>
    rows.filter((row) => row.kind === kind).map(({ value, origin, reason }) => hinted(value, origin, reason));
  const imports = entries.find((entry) => entry.imports !== undefined)?.imports;
  const testCommand = entries.find((entry) => entry.testCommand !== undefined)?.testCommand;
  return {
    buildPackages: once([...said(entries.flatMap((entry) => entry.buildPackages)), ...kept('build-package')]),
    buildRequirements: [
      ...new Set([
        ...entries.flatMap((entry) => entry.buildRequirements),
        ...kept('build-requirement').map((row) => row.package),
      ]),
    ],
    depends: once([...said(entries.flatMap((entry) => entry.depends)), ...kept('run-package')]),
    ...(imports === undefined ? {} : { imports }),
    ...(testCommand === undefined ? {} : { testCommand }),
  };
}

function speaksOf(
  entry: FileHint,
  { project, version, suite }: { readonly project: string; readonly version: string; readonly suite: string },
): boolean {
  if (entry.project !== project || (entry.suites.length > 0 && !entry.suites.includes(suite))) return false;
  return entry.specifier === '' || specifierAccepts(entry.specifier, version, { prereleases: true });
}

function hinted(text: string, origin: HintOrigin, reason: string): HintedPackage {
  return { package: text, origin, reason };
}

function once(packages: readonly HintedPackage[]): HintedPackage[] {
  return packages.filter((one, index) => packages.findIndex((other) => other.package === one.package) === index);
}
