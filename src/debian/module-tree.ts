/** One folder or module below dist-packages. */
interface Node {
  owner: string;
  /** Has an `__init__`, or is a module file: everything below belongs to its owner, unless several packages share it. */
  closed: boolean;
  children: Map<string, Node> | undefined;
}

/** Collects which package owns which importable name, down through namespace packages. */
export interface ModuleTree {
  /** `path` is relative to dist-packages: `yaml/__init__.py`. */
  add(path: string, owner: string): void;
  /** Dotted by slashes: `yaml` → owner; a namespace has the owner '' and is followed by what it holds. */
  entries(): [name: string, owner: string][];
}

/** Below a folder that has an `__init__`, more is kept of packages only: that shows who shares it. */
const KEPT_DEPTH = 3;

/** `sourceOf` gives the source package of an owner: parts of one source do not make a namespace of their common folder. */
export function createModuleTree(sourceOf: (owner: string) => string = (owner) => owner): ModuleTree {
  const root: Node = { owner: '', closed: false, children: new Map() };
  return {
    add(path, owner) {
      const segments = moduleSegments(path);
      if (segments) addPath(root, segments, owner);
    },
    entries() {
      const found: [string, string][] = [];
      collect(root, '', sourceOf, found);
      return found.toSorted(([a], [b]) => (a < b ? -1 : 1));
    },
  };
}

/** The segments of an importable path: module suffixes are cut, `__init__` stays as last segment; undefined for distribution folders and caches. */
function moduleSegments(path: string): string[] | undefined {
  const segments = path.split('/').filter((segment) => segment !== '');
  const first = segments[0];
  if (first === undefined || /\.(?:dist-info|egg-info)$/.test(first) || segments.includes('__pycache__'))
    return undefined;
  const last = segments.length - 1;
  segments[last] = moduleName(segments[last] ?? '');
  return segments;
}

/** `six.py` → `six`, `_x.cpython-311-x86_64-linux-gnu.so` → `_x`; other names stay. */
function moduleName(file: string): string {
  return file.replace(/(?:\.(?:cpython-[\w-]+|abi3))?\.so$|\.pyi?$|\.pyc$/, '');
}

function addPath(root: Node, segments: readonly string[], owner: string): void {
  const isPackage = segments.length > 1 && segments.at(-1) === '__init__';
  const names = isPackage ? segments.slice(0, -1) : segments;
  let node = root;
  for (const [index, name] of names.entries()) {
    if (node.closed && !isPackage && segments.length > KEPT_DEPTH) return;
    node.children ??= new Map();
    const child = node.children.get(name) ?? { owner, closed: false, children: undefined };
    node.children.set(name, child);
    if (index === names.length - 1) {
      // A module or regular package. Of several owners the first by name counts.
      child.owner = child.closed && child.owner < owner ? child.owner : owner;
      child.closed = true;
    }
    node = child;
  }
}

function collect(node: Node, prefix: string, sourceOf: (owner: string) => string, found: [string, string][]): void {
  for (const [name, child] of node.children ?? []) {
    const isOwned = child.closed && !isShared(child, sourceOf);
    found.push([prefix + name, isOwned ? child.owner : '']);
    if (!isOwned) collect(child, `${prefix}${name}/`, sourceOf, found);
  }
}

/**
 * A namespace whose `__init__` one package happens to ship (`zope`, `azure`, `sphinxcontrib` in bookworm): at least two other sources have
 * modules in it. docs/decisions/0013-shared-paths.md.
 */
function isShared(node: Node, sourceOf: (owner: string) => string): boolean {
  const sources = new Set<string>();
  const gather = ({ children }: Node): void => {
    for (const [name, child] of children ?? []) {
      // `py.typed` and other files that nothing imports.
      if (name.includes('.')) continue;
      if (child.closed) sources.add(sourceOf(child.owner));
      else gather(child);
    }
  };
  gather(node);
  sources.delete(sourceOf(node.owner));
  return sources.size >= 2;
}

/** Looks a path up in the entries of a tree; undefined where no official package owns its module. */
export function findModuleOwner(entries: ReadonlyMap<string, string>, path: string): string | undefined {
  const segments = moduleSegments(path) ?? [];
  let name = '';
  for (const segment of segments) {
    name = name === '' ? segment : `${name}/${segment}`;
    const owner = entries.get(name);
    if (owner !== '') return owner;
  }
  return undefined;
}
