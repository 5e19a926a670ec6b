import { GENERIC_NAMES } from '../../model/generic-names.ts';
import { quoted } from '../../model/text.ts';
import type { FileRule, Placed } from './rule.ts';

/** Rules on where a file stands and what Python would call it; drops first, so that a dropped file rejects nothing. */
export const NAME_RULES: readonly FileRule[] = [
  {
    name: 'byte-code',
    verdict: 'drop',
    why: 'byte code cannot be read by people and is made anew on the machine',
    finds: ({ path }) => (/\.py[co]$|\/__pycache__\//.test(path) ? 'is byte code' : undefined),
  },
  {
    name: 'generic-name',
    verdict: 'drop',
    why: 'two projects with such a top-level name could never be installed together',
    finds: (placed) =>
      GENERIC_NAMES.has(topModule(placed).toLowerCase()) ? 'has a generic top-level name' : undefined,
  },
  {
    name: 'nspkg-pth',
    verdict: 'drop',
    replaced: true,
    why: 'namespaces need no such file since Python 3.3 (PEP 420), and it runs code at every start of Python',
    finds: ({ site }) => (isTop(site) && site.endsWith('-nspkg.pth') ? 'only declares a namespace' : undefined),
  },
  {
    name: 'namespace-init',
    verdict: 'drop',
    replaced: true,
    why: 'the packages of a namespace would all own this file (PEP 420)',
    finds: ({ kind, site }, { shape }) =>
      kind === 'module' && site.endsWith('/__init__.py') && shape.namespaces.has(site.slice(0, -'/__init__.py'.length))
        ? 'only declares a namespace, which the folder is without it'
        : undefined,
  },
  {
    name: 'pth-code',
    verdict: 'reject',
    why: 'such a line runs as root whenever Python starts on the machine (site module)',
    finds: (placed) =>
      isPth(placed) && holdsCode(placed.file.pth) ? `${quoted(placed.file.name)} holds code` : undefined,
  },
  {
    name: 'pth-path',
    verdict: 'drop',
    why: 'a path file changes the module search of every program on the machine',
    finds: (placed) => (isPth(placed) && !holdsCode(placed.file.pth) ? 'adds to the search path' : undefined),
  },
  {
    name: 'foreign-metadata',
    verdict: 'reject',
    why: 'it would make another distribution look installed',
    finds: ({ kind, site, file }) =>
      kind === 'module' && /\.(?:dist-info|egg-info|egg-link|egg|data)$/i.test(topOf(site))
        ? `${quoted(file.name)} is the metadata of another distribution`
        : undefined,
  },
  {
    name: 'site-customize',
    verdict: 'reject',
    why: 'it runs as root whenever Python starts on the machine (site module)',
    finds: (placed) =>
      ['sitecustomize', 'usercustomize'].includes(topModule(placed))
        ? `${quoted(placed.file.name)} is run at every start of Python`
        : undefined,
  },
  {
    name: 'stdlib-module',
    verdict: 'reject',
    why: 'it would stand in for, or break, a module of the standard library',
    finds: (placed, { official }) =>
      official.stdlibModules.has(topModule(placed))
        ? `${quoted(placed.file.name)} has the name of a module of the standard library`
        : undefined,
  },
  {
    name: 'stray-file',
    verdict: 'drop',
    why: 'only modules belong into the top level of dist-packages, which all projects share',
    finds: ({ kind, site }) =>
      kind === 'module' && isTop(site) && !/\.(?:py|pyi|so)$/.test(site) ? 'is no module' : undefined,
  },
  {
    name: 'foreign-extension',
    verdict: 'drop',
    why: 'an extension module for another interpreter can never be loaded',
    finds({ path }, { recipe }) {
      const tag = /\.((?:cpython|pypy|graalpy)[^./]*)\.so$/.exec(path)?.[1];
      const own = `cpython-${recipe.target.python.replace('.', '')}`;
      return tag === undefined || tag === own || tag.startsWith(`${own}-`) ? undefined : `is for ${quoted(tag)}`;
    },
  },
  {
    name: 'reserved-document',
    verdict: 'drop',
    why: 'Rennet itself writes the copyright file and the changelog (policy 12.5, 12.7)',
    finds: ({ path }, { recipe }) =>
      path.startsWith(`/usr/share/doc/${recipe.package}/`) && /\/(?:copyright|changelog[^/]*)$/i.test(path)
        ? 'is written by Rennet'
        : undefined,
  },
  {
    name: 'official-module',
    verdict: 'reject',
    names: true,
    why: 'it would stand in for, or break, a module of a package of the distribution, whatever form either has',
    finds({ kind, site, file }, { official }) {
      const owner = kind === 'module' ? official.moduleOwner(site.replace(/\.pyi$/, '.py')) : undefined;
      return owner && `${quoted(file.name)} belongs to a module of the official package ${owner}`;
    },
  },
  {
    name: 'official-data',
    verdict: 'drop',
    names: true,
    why: 'two packages cannot have one path (policy 7.6.1), and data beside the modules is no reason to do without them',
    finds({ kind, path }, { official }) {
      const owner = kind === 'data' ? official.fileOwner(path) : undefined;
      return owner && `is in the official package ${owner}`;
    },
  },
  {
    name: 'official-path',
    verdict: 'reject',
    names: true,
    why: 'two packages cannot have one path (policy 7.6.1)',
    finds({ kind, path, file }, { official }) {
      // Commands have a rule of their own, which leaves them out.
      const owner = kind === 'script' ? undefined : official.fileOwner(path);
      return owner && `${quoted(file.name)} would replace a file of the official package ${owner}`;
    },
  },
  {
    name: 'official-namespace',
    verdict: 'reject',
    names: true,
    why: 'a module in the place of a namespace hides, or runs code before, all that the packages of the distribution have in it',
    finds(placed, { official }) {
      const folder = placed.site.replace(/(?:\/__init__)?(?:\.py|(?:\.[^./]+)?\.so)$/, '');
      const shadows = placed.kind === 'module' && folder !== placed.site && official.isNamespace(folder);
      return shadows ? `${quoted(placed.file.name)} takes the place of a namespace of official packages` : undefined;
    },
  },
];

function isTop(site: string): boolean {
  return site !== '' && !site.includes('/');
}

function topOf(site: string): string {
  return site.split('/')[0] ?? '';
}

/** The import name of the top level: `six` for six.py, six.abi3.so and six/…; '' for what is no module. */
function topModule({ kind, site }: Placed): string {
  if (kind !== 'module') return '';
  return isTop(site) ? (/^([^.]+)\.(?:py|pyi|so|[^.]+\.so)$/.exec(site)?.[1] ?? '') : topOf(site);
}

function isPth({ kind, site }: Placed): boolean {
  return kind === 'module' && isTop(site) && site.endsWith('.pth');
}

/**
 * As the site module reads it: universal line ends, a byte order mark left out (Python 3.13). A file too large to be read
 * counts as code: nobody has looked at it.
 */
function holdsCode(pth: string | undefined): boolean {
  return (
    pth
      ?.replace(/^\ufeff/, '')
      .split(/\r\n|\r|\n/)
      .some((line) => /^import[ \t]/.test(line)) ?? true
  );
}
