import { readFile } from 'node:fs/promises';
import { RennetError } from '../model/errors.ts';
import { formatTarget, type Target, type TargetFacts } from '../model/target.ts';
import type { IndexedPackage } from './packages-index.ts';
import { splitVersion } from './version.ts';

/** The fields of a suite's Release file that say which release it is. */
export interface ReleaseFields {
  readonly origin: string;
  readonly version: string;
}

/** Reads the head of an InRelease or Release file (apt has verified it). */
export async function readReleaseFields(path: string): Promise<ReleaseFields> {
  const text = await readFile(path, 'utf8');
  const field = (name: string): string => new RegExp(`^${name}: *(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  return { origin: field('Origin'), version: field('Version') };
}

/** Python version and suite tag of a target; `tag` is the operator's own. RennetError `bad-target` for a suite without python3. */
export function targetFacts(
  target: Target,
  packages: ReadonlyMap<string, IndexedPackage>,
  release: ReleaseFields,
  tag?: string,
): TargetFacts {
  const python = /^(3\.\d+)/.exec(upstream(packages, 'python3'))?.[1];
  if (python === undefined) {
    throw new RennetError('bad-target', `${formatTarget(target)} has no python3 package.`, 'Choose a current suite.');
  }
  // Debian spells a pre-release 3.14.0~rc2.
  const full = /^\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?/.exec(upstream(packages, `python${python}`).replace('~', ''))?.[0];
  return { ...target, python, pythonFull: full ?? `${python}.0`, suiteTag: tag ?? suiteTag(target, packages, release) };
}

function suiteTag(target: Target, packages: ReadonlyMap<string, IndexedPackage>, release: ReleaseFields): string {
  if (target.suite === 'sid') return 'debsid';
  if (release.origin === 'Ubuntu') return `ubuntu${release.version}`;
  // Testing has no Version in its Release file; base-files carries the number of the release that it becomes.
  const major = /^\d+/.exec(release.version === '' ? upstream(packages, 'base-files') : release.version)?.[0];
  if (major !== undefined) return `deb${major}`;
  throw new RennetError('bad-target', `The archive does not say which release ${formatTarget(target)} is.`);
}

function upstream(packages: ReadonlyMap<string, IndexedPackage>, name: string): string {
  return splitVersion(packages.get(name)?.version ?? '').upstream;
}
