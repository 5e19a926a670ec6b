import { METADATA, RECIPE } from '../../model/testing/curd.ts';
import type { CheckFacts } from '../facts.ts';
import type { CheckedTree } from '../rules/rule.ts';
import type { UpstreamWheel } from '../upstream.ts';

const SITE = '/usr/lib/python3/dist-packages/';

/** A package of `curd 1.0` in which nothing is wrong. */
export const TREE: CheckedTree = {
  project: 'curd',
  version: '1.0',
  package: 'python3-curd',
  target: RECIPE.target,
  metadata: METADATA,
  files: [{ path: `${SITE}curd/__init__.py`, elf: false }],
  members: ['curd/__init__.py', 'curd/cli.py', 'curd-1.0.dist-info/METADATA'],
  entryPoints: ['curd = curd.cli:main'],
  modules: ['curd'],
  scripts: ['/usr/bin/curd'],
  buildPaths: [],
  sources: { top: 'curd-1.0', files: ['setup.py', 'curd/__init__.py'], extensionSources: [], declaresExtension: false },
  published: 'none',
  ownRequirements: [],
  extraOf: () => undefined,
};

/** What a guest says of it. */
export const FACTS: CheckFacts = {
  installed: true,
  installMessage: '',
  libraries: [],
  imports: [{ module: 'curd', ok: true, message: '' }],
  metadata: { found: true, version: '1.0', unmet: [], versions: {}, lostEntryPoints: [] },
  scripts: [{ path: '/usr/bin/curd', ok: true, exit: 0, message: '' }],
};

export function upstreamWith(paths: readonly string[], more: Partial<UpstreamWheel> = {}): UpstreamWheel {
  return { filename: 'curd-1.0-py3-none-any.whl', pure: true, files: paths.map((path) => ({ path })), ...more };
}
