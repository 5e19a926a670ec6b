import { makeZip } from '../../src/python/testing/index-server.ts';
import { buildTarGz, type TarFile } from '../../src/python/testing/tars.ts';
import { demoFiles, type DemoRelease, demoWheel } from './demo-index.ts';

/** Files of a project on the index, by name. */
export type OnIndex = (project: string) => Readonly<Record<string, Buffer>>;

/** A release with a fault of its upstream's, and how an attempt to build it has to end. */
export interface BadRelease {
  /** What is wrong; the project is named after it. */
  readonly fault: string;
  readonly project: string;
  readonly files: OnIndex;
  readonly outcome: string;
  /** Class of a failed build, rule of a rejection, or limit. */
  readonly because?: string;
  readonly says: RegExp;
}

/** `end`: `rejected bad-archive`, the outcome and what it is because of. */
export function bad(fault: string, files: OnIndex, end: string, says: RegExp): BadRelease {
  const [outcome = '', because] = end.split(' ');
  const project = `bad-${fault.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
  return { fault, project, files, outcome, ...(because !== undefined && { because }), says };
}

/** Odd, and no reason to do without it. */
export function odd(fault: string, files: OnIndex): BadRelease {
  return bad(fault, files, 'published', /is published as python3-bad-\S+ \S+ for bookworm\.$/);
}

type Texts = Readonly<Record<string, string | Buffer>>;
interface Changes extends Omit<Partial<DemoRelease>, 'project' | 'files'> {
  /** In the place of what every demo release has, or beside it; undefined leaves out. */
  readonly files?: Readonly<Record<string, string | Buffer | undefined>>;
  /** `project-1.0/` */
  readonly top?: string;
  /** Members after the files; names below the top folder unless they begin with a slash, which is taken off. */
  readonly more?: readonly TarFile[];
  /** `project-1.0.tar.gz` */
  readonly filename?: string;
}

/** An sdist with a back end of its own. */
export function sdist({ files: own = {}, top, more = [], filename, ...release }: Changes = {}): OnIndex {
  return (project) => {
    const stem = `${project}-${release.version ?? '1.0'}`;
    const folder = top ?? `${stem}/`;
    const files = Object.entries({ ...demoFiles({ project, ...release }), ...own });
    const members = files.flatMap(([name, content]) =>
      content === undefined ? [] : [{ name: `${folder}${name}`, content }],
    );
    const placed = more.map((file) => {
      const name = String(file.name);
      return { ...file, name: name.startsWith('/') ? name.slice(1) : `${folder}${name}` };
    });
    return { [filename ?? `${stem}.tar.gz`]: buildTarGz([...members, ...placed]) };
  };
}

/** Its back end runs these lines of Python first; only the build tells what it requires. */
export const hook = (lines: string): OnIndex => sdist({ metadataVersion: '2.1', hook: lines });
/** Its back end runs these lines of Python before it packs the wheel. */
export const packing = (lines: string): OnIndex => sdist({ metadataVersion: '2.1', packing: lines });
export const toml = (text: string): OnIndex => sdist({ files: { 'pyproject.toml': text } });

/** An sdist of setuptools without pyproject.toml. */
export function setupPy(lines: string | Buffer, files: Texts = {}, requires = ''): OnIndex {
  return (project) => {
    const without = { 'pyproject.toml': undefined, 'backend.py': undefined, 'ballast.txt': undefined };
    const module = { [`${project.replaceAll('-', '_')}.py`]: 'ANSWER = 42\n' };
    const own = { 'PKG-INFO': pkgInfo(project, requires), 'setup.py': lines, ...module, ...files };
    return sdist({ files: { ...without, ...own } })(project);
  };
}

/** `setup()` as most write it; `more` stands among its arguments. */
export const setup = (more = ''): string =>
  `import os\nfrom setuptools import setup\nN = os.path.basename(os.getcwd())[:-4]\nsetup(name=N, version="1.0", py_modules=[N.replace("-", "_")], ${more})\n`;

/** Of before PEP 643: it binds nothing. */
export function pkgInfo(project: string, more = '', version = '1.0'): string {
  return `Metadata-Version: 2.1\nName: ${project}\nVersion: ${version}\nSummary: A release for tests\n${more}`;
}

/** The files of a demo release as a zip archive. */
export const zipped: OnIndex = (project) => {
  const files = Object.entries(demoFiles({ project }));
  const members = files.map(([name, content]) => ({ name: `${project}-1.0/${name}`, content }));
  return { [`${project}-1.0.zip`]: makeZip(members) };
};

/** A wheel of release 1.0; `files` are beside its module. */
export function wheel(tag: string, files: Texts = {}): OnIndex {
  return (project) => ({
    [`${project.replaceAll('-', '_')}-1.0-${tag}.whl`]: demoWheel({ project }, { tag, files }),
  });
}

export function beside(...parts: readonly OnIndex[]): OnIndex {
  return (project) => Object.assign({}, ...parts.map((part) => part(project))) as Readonly<Record<string, Buffer>>;
}
