import { posix } from 'node:path';
import { plainText } from '../../model/text.ts';
import { canonicalVersion, specifierAccepts } from '../../python/version.ts';
import type { CheckFacts } from '../facts.ts';
import { type CheckedTree, type Findings, type GuestRule, some } from './rule.ts';

/** In the order in which they are asked. A guest that leaves something out has not shown it. */
export const GUEST_RULES: readonly GuestRule[] = [
  {
    name: 'install',
    proves: 'dpkg installs the package with what it depends on and nothing else',
    source: 'dpkg(1); Debian policy 7.2',
    class: 'install-error',
    look: ({ installed, installMessage }, tree) =>
      installed
        ? {}
        : {
            defect: `${tree.package} does not install with its declared dependencies: ${ended(lastLine(installMessage))}`,
          },
  },
  {
    name: 'libraries',
    proves: 'the loader finds every shared library that a compiled file of the package links to',
    source: 'ld.so(8), ldd(1); Debian policy 8.6',
    class: 'missing-library',
    look({ libraries }, { package: name, files }) {
      // A library beside the one that asks for it is loaded first by whoever loads both (ctypes, an import, DT_RPATH of the parent).
      const own = new Set(files.map(({ path }) => posix.basename(path)));
      const lost = libraries.find(({ missing }) => !own.has(missing));
      return lost === undefined
        ? {}
        : {
            defect: `${name} installs, but ${some([lost.path])} links to ${some([lost.missing])}, which no package that it depends on has.`,
          };
    },
  },
  {
    name: 'imports',
    proves: 'every top-level module imports in an interpreter of its own, from an empty folder',
    source: 'CONVERSION.md: imports in a clean guest; python3(1), -I',
    class: 'import-error',
    look: lookAtImports,
  },
  {
    name: 'distribution',
    proves: 'importlib.metadata finds the distribution as the version that was built',
    source: 'PEP 376; importlib.metadata',
    class: 'bad-metadata',
    look({ metadata: { found, version } }, { package: name, metadata }) {
      if (found && canonicalVersion(version) === canonicalVersion(metadata.version)) return {};
      const seen = found ? `version ${plainText(version).slice(0, 100)}` : 'nothing';
      return {
        defect: `${name} installs, but importlib.metadata finds ${seen} where ${metadata.name} ${metadata.version} was expected.`,
      };
    },
  },
  {
    name: 'requirements',
    proves: "importlib.metadata finds what the package requires of Rennet's own, as versions that it accepts",
    source: 'CONVERSION.md: its requirements met',
    class: 'bad-metadata',
    look: lookAtRequirements,
  },
  {
    name: 'entry-points',
    proves: 'importlib.metadata finds every entry point',
    source: 'importlib.metadata, entry points',
    class: 'bad-metadata',
    look: ({ metadata: { lostEntryPoints } }, { package: name }) =>
      lostEntryPoints.length === 0
        ? {}
        : {
            defect: `${name} installs, but importlib.metadata does not find its entry point ${some(lostEntryPoints)}.`,
          },
  },
  {
    name: 'scripts',
    proves: 'every command starts: whatever status it ends with, nothing that it imports or calls is missing',
    source: 'packaging.python.org, entry points specification',
    class: 'script-error',
    look: lookAtScripts,
  },
];

function lookAtImports({ imports }: CheckFacts, { package: name, modules }: CheckedTree): Findings {
  for (const module of modules) {
    const seen = imports.find((entry) => entry.module === module);
    if (seen?.ok) continue;
    const message = seen?.message ?? 'not tried';
    return {
      defect: `${name} installs, but its module ${module} does not import with only the declared dependencies: ${ended(lastLine(message))}`,
    };
  }
  return {};
}

function lookAtRequirements({ metadata }: CheckFacts, { package: name, ownRequirements }: CheckedTree): Findings {
  const { unmet, versions } = metadata;
  const own = new Map(ownRequirements.map(({ project, specifier }) => [project, specifier]));
  const isOwn = (text: string) => own.has(/^[^[ ]*/.exec(text)?.[0] ?? '');
  const lost = unmet.filter(isOwn);
  if (lost.length > 0)
    return { defect: `${name} installs, but importlib.metadata does not find its requirement ${some(lost)}.` };
  for (const [project, specifier] of own) {
    const version = versions[project];
    if (version === undefined || specifierAccepts(specifier, version, { prereleases: true })) continue;
    return {
      defect: `${name} installs, but importlib.metadata finds ${project} ${some([version])} where ${project}${specifier} is required.`,
    };
  }
  // The suite's packages are what they are: their own metadata may lack a name, and dpkg has judged the relation.
  const notes = unmet.map(
    (text) => `importlib.metadata does not find ${some([text])}, which an official package provides.`,
  );
  return { notes };
}

function lookAtScripts({ scripts: started }: CheckFacts, tree: CheckedTree): Findings {
  const notes: string[] = [];
  for (const path of tree.scripts) {
    const seen = started.find((entry) => entry.path === path);
    if (seen?.ok) continue;
    const message = lastLine(seen?.message ?? 'not tried');
    const module = /No module named '([\w.]+)'/.exec(message)?.[1];
    const extra = module === undefined ? undefined : tree.extraOf(module);
    if (extra === undefined)
      return { defect: `${tree.package} installs, but its script ${path} does not start: ${ended(message)}` };
    notes.push(`${path} starts only with the extra ${some([extra])}, which brings ${module ?? ''}.`);
  }
  return { notes };
}

function lastLine(text: string): string {
  return plainText(text).split('\n').at(-1)?.slice(0, 300) ?? '';
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
