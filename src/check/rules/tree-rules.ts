import { normaliseProject } from '../../model/project-name.ts';
import { extensionModules, lostFiles } from '../lost-files.ts';
import { lostEntryPoints, lostExtras, lostRequirements, untargetedEntryPoints } from '../lost-metadata.ts';
import { type CheckedTree, type Findings, some, type TreeRule } from './rule.ts';

/** Sources for other systems: what they make is not missing on Linux. */
const OTHER_SYSTEM = /(?:^|[^a-z])(?:win|windows|win32|win64|msvc|mac|macos|osx|darwin|bsd|solaris|aix)(?:[^a-z]|$)/i;
/** Extras of people who work on the project itself. */
const WORK_EXTRA = /^(?:dev|develop|development|docs?|tests?|testing|lint|ci|build|release|typing|types)(?:-|$)/;

/** In the order in which they are asked. */
export const TREE_RULES: readonly TreeRule[] = [
  {
    name: 'content',
    proves: 'the package holds a module, a type stub or a command',
    source: 'CONVERSION.md: what a build leaves out in silence',
    class: 'lost-file',
    look({ package: name, modules, scripts, files }) {
      const stub = files.some(({ path }) => path.endsWith('.pyi'));
      return modules.length > 0 || scripts.length > 0 || stub
        ? {}
        : { defect: `${name} holds neither a module nor a command: the build packed nothing that Python can use.` };
    },
  },
  {
    name: 'extension',
    proves: "every extension module of upstream's wheel came out of the build, and some where the sdist declares any",
    source: 'CONVERSION.md: an extension was expected and no .so came out; PEP 425 tags',
    class: 'missing-extension',
    look: lookForExtensions,
  },
  {
    name: 'files',
    proves: "modules, type stubs, commands and data files of upstream's wheel are all there",
    source: 'RECORD of a wheel (PEP 376, PEP 427)',
    class: 'lost-file',
    look: lookForFiles,
  },
  {
    name: 'requirements-kept',
    proves: "what upstream's wheel requires on the target, the package requires",
    source: 'core metadata, Requires-Dist',
    class: 'bad-metadata',
    look({ package: name, metadata, upstream, target }) {
      if (!upstream?.metadata) return {};
      const lost = lostRequirements(upstream.metadata, metadata, target);
      return lost.length === 0
        ? {}
        : {
            defect: `${name} does not require ${some(lost)}, as upstream's own wheel ${upstream.filename} does: the build from the sdist lost it.`,
          };
    },
  },
  {
    name: 'extras-kept',
    proves: "every extra of upstream's wheel is an extra of the package's metadata",
    source: 'core metadata, Provides-Extra',
    class: 'bad-metadata',
    look({ package: name, metadata, upstream }) {
      const lost = lostExtras(upstream?.metadata, metadata);
      const defects = lost.filter((extra) => !WORK_EXTRA.test(normaliseProject(extra)));
      const ledger = lost
        .filter((extra) => !defects.includes(extra))
        .map((fact) => ({ kind: 'extra', fact, fate: 'left-out', detail: "is in upstream's wheel only" }) as const);
      return {
        ledger,
        ...(defects.length > 0 && {
          defect: `${name} has no extra ${some(defects)}, as upstream's own wheel ${upstream?.filename ?? ''} does: the build from the sdist lost it.`,
        }),
      };
    },
  },
  {
    name: 'entry-points-kept',
    proves: "every entry point of upstream's wheel, of any group, is an entry point of the package",
    source: 'packaging.python.org, entry points specification',
    class: 'bad-metadata',
    look({ package: name, entryPoints, upstream }) {
      const lost = lostEntryPoints(upstream?.entryPoints, entryPoints);
      return lost.length === 0
        ? {}
        : {
            defect: `${name} lacks the entry point ${some(lost)} of upstream's own wheel ${upstream?.filename ?? ''}: the build from the sdist lost it.`,
          };
    },
  },
  {
    name: 'entry-point-target',
    proves: "an entry point that names a module of the package's own finds it there",
    source: 'packaging.python.org, entry points specification',
    class: 'bad-metadata',
    look({ package: name, entryPoints, members }) {
      const lost = untargetedEntryPoints(entryPoints, members);
      return lost.length === 0
        ? {}
        : { defect: `${name} has the entry point ${some(lost, 2)}, and no module of that name came out of the build.` };
    },
  },
  {
    name: 'build-path',
    proves: 'no code of the package names a folder of the guest that built it',
    source: 'reproducible-builds.org, build path',
    class: 'build-path',
    look({ package: name, buildPaths: [first] }) {
      return first === undefined
        ? {}
        : {
            defect: `${name} has the build's own folder, which is gone, in ${some([first.path])}: ${some([first.line])}.`,
          };
    },
  },
];

function lookForExtensions(tree: CheckedTree): Findings {
  const { package: name, sources, upstream, published, files } = tree;
  if (sources === undefined) return {};
  if (upstream && !upstream.pure) {
    const own = extensionModules(tree.members);
    const lost = [...extensionModules(upstream.files.map(({ path }) => path))].filter((module) => !own.has(module));
    if (lost.length === 0) return {};
    if (published === 'compiled')
      return {
        defect: `${name} lacks the extension module ${some(lost)}, which upstream's own wheel ${upstream.filename} has: the build left it out in silence.`,
      };
    return {
      notes: [`The extension module ${some(lost)} was not built; upstream publishes a wheel without it as well.`],
    };
  }
  const own = sources.extensionSources.filter((path) => !OTHER_SYSTEM.test(path));
  if (files.some(({ elf }) => elf) || own.length === 0 || !sources.declaresExtension) return {};
  if (published === 'pure')
    return { notes: [`No extension module was built of ${some(own, 3)}; upstream's own wheel has none either.`] };
  return {
    defect: `${name} has no compiled file, but its sdist declares extension modules and holds their sources (${some(own, 3)}): the build left them out in silence.`,
  };
}

function lookForFiles({ package: name, members, scripts, upstream, sources }: CheckedTree): Findings {
  if (upstream === undefined) return {};
  const lost = lostFiles(upstream.files, members, new Set(scripts.map((path) => path.replace('/usr/bin/', ''))));
  const defects = lost.filter(({ reason }) => reason === undefined).map(({ path }) => path);
  const ledger = lost
    .filter(({ reason }) => reason !== undefined && reason !== 'metadata')
    .map(
      ({ path, reason = '' }) =>
        ({ kind: 'file', fact: path, fate: 'left-out', detail: `is in upstream's wheel only: ${reason}` }) as const,
    );
  if (defects.length === 0) return { ledger };
  const unbuilt = defects.filter((path) => sources?.files.some((file) => file === path || file.endsWith(`/${path}`)));
  const them = defects.length === 1 ? 'it' : 'them';
  const why =
    unbuilt.length === 0
      ? `the sdist does not hold ${them}`
      : unbuilt.length === defects.length
        ? `the build left ${them} out`
        : 'the sdist does not hold some of them, and the build left out the others';
  const count = defects.length === 1 ? 'a file' : `${defects.length} files`;
  return {
    ledger,
    defect: `${name} lacks ${count} that upstream's own wheel ${upstream.filename} has, ${some(defects)}: ${why}.`,
  };
}
