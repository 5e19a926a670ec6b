import { execFile } from 'node:child_process';
import { access, constants, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** One mounted tree of control groups, and where our own group lies in it. */
export interface CgroupTree {
  readonly version: 'v1' | 'v2';
  /** v1: the controllers of this tree; v2: empty, each group says its own. */
  readonly controllers: readonly string[];
  /** Mount point. */
  readonly top: string;
  /** Folder of our own group; `top` or below it. */
  readonly own: string;
}

/** Where groups of guests may be made below v2, or why nowhere. */
export type PlaceV2 =
  | { readonly folder: string; readonly controllers: readonly string[] }
  | { readonly folder: undefined; readonly reason: string };

/** Without these a group bounds nothing that matters; `cpu` is taken where it is to be had. */
export const NEEDED_CONTROLLERS = ['memory', 'pids'] as const;
const WANTED = [...NEEDED_CONTROLLERS, 'cpu'] as const;
/** The leaf that our own processes move into where their group becomes the parent of guests' groups; removed as those are. */
const isLeaf = (folder: string): boolean => /^rennet-\d+-0$/.test(basename(folder));

export async function ownTrees(): Promise<CgroupTree[]> {
  const [mounts, own] = await Promise.all(
    ['mountinfo', 'cgroup'].map((name) => readFile(`/proc/self/${name}`, 'utf8')),
  );
  return cgroupTrees(mounts ?? '', own ?? '');
}

/** The trees of control groups that this process sees with its own group in them. Pure. */
export function cgroupTrees(mountinfo: string, procSelfCgroup: string): CgroupTree[] {
  const trees: CgroupTree[] = [];
  for (const line of mountinfo.split('\n')) {
    // proc_pid_mountinfo(5): id, parent, device, root, mount point, options, optional fields, "-", type, source, super options
    const fields = line.split(' ');
    const end = fields.indexOf('-', 6);
    const [root = '/', top = '/'] = [fields[3], fields[4]].map((path) => unescaped(path ?? ''));
    const type = fields[end + 1];
    if (end < 0 || (type !== 'cgroup' && type !== 'cgroup2')) continue;
    const controllers = type === 'cgroup' ? (fields[end + 3] ?? '').split(',') : [];
    const path = ownPath(procSelfCgroup, controllers);
    // Another part of the tree is mounted than the one that we are in.
    if (path === undefined || !isBelow(path, root)) continue;
    const own = join(top, root === '/' ? path : path.slice(root.length));
    trees.push({ version: type === 'cgroup' ? 'v1' : 'v2', controllers, top, own: own.replace(/(.)\/$/, '$1') });
  }
  return trees;
}

function ownPath(procSelfCgroup: string, controllers: readonly string[]): string | undefined {
  for (const line of procSelfCgroup.split('\n')) {
    const [number, names = '', ...path] = line.split(':');
    const found =
      controllers.length === 0 ? number === '0' && names === '' : names.split(',').some(isOneOf(controllers));
    // `/..`: above what a namespace of control groups shows.
    if (found && names !== 'name=systemd' && !path[0]?.startsWith('/..')) return path.join(':');
  }
  return undefined;
}

const isOneOf =
  (names: readonly string[]) =>
  (name: string): boolean =>
    name !== '' && names.includes(name);

const isBelow = (path: string, root: string): boolean => root === '/' || path === root || path.startsWith(`${root}/`);

const unescaped = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * Finds the group below which those of guests may be made, nearest to our own, whose bounds then hold for them too
 * (docs/decisions/0017-capacity.md):
 * our own group where it hands the controllers on, or may be made to: no systemd here, or systemd left it to us (Delegate=yes), and
 * nobody but us and those who started us is in it, who then move into a leaf (processes must sit in leaves);
 * else the nearest group above that hands them on already and that we may write to. What systemd has arranged is not changed.
 */
export async function findPlaceV2({ top, own: ownFolder }: CgroupTree): Promise<PlaceV2> {
  const own = isLeaf(ownFolder) ? dirname(ownFolder) : ownFolder;
  const offered = await words(join(top, 'cgroup.controllers'));
  const missing = NEEDED_CONTROLLERS.filter((name) => !offered.includes(name));
  if (missing.length > 0)
    return { folder: undefined, reason: `cgroup v2 has no ${missing.join(' and ')} controller here` };
  const isSystemd = await exists('/run/systemd/system');
  let reason = `our group ${own} and those above it are not ours to change`;
  for (let folder = own; ; folder = dirname(folder)) {
    const refused = await mayMakeIn(folder);
    if (refused === 'EROFS')
      return { folder: undefined, reason: `control groups are mounted read-only here (${top}), as in many containers` };
    if (refused === undefined) {
      const handedOn = async () => WANTED.filter(isOneOf(await words(join(folder, 'cgroup.subtree_control'))));
      if (hasNeeded(await handedOn())) return { folder, controllers: await handedOn() };
      const mayArrange = !isSystemd || (folder === own && (await isDelegated(own)));
      if (mayArrange) {
        const refusal = await handOn(folder, folder === own);
        if (refusal === undefined) return { folder, controllers: await handedOn() };
        reason = refusal;
      } else if (folder === own) reason = `our group ${own} is systemd's to divide, not ours`;
    }
    if (folder === top || folder === '/') break;
  }
  return { folder: undefined, reason: isSystemd ? `${reason}; to have one that is: ${ownScope()}` : reason };
}

const ownScope = (): string =>
  `systemd-run ${process.getuid?.() === 0 ? '' : '--user '}--scope -p Delegate=yes rennet …`;

const hasNeeded = (controllers: readonly string[]): boolean =>
  NEEDED_CONTROLLERS.every((name) => controllers.includes(name));

/** undefined where we may. A process may be moved between two groups by who may write to `cgroup.procs` of their common ancestor too. */
async function mayMakeIn(folder: string): Promise<string | undefined> {
  for (const path of [folder, join(folder, 'cgroup.procs')]) {
    const refused = await access(path, constants.W_OK).catch((error: NodeJS.ErrnoException) => error.code ?? 'EACCES');
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Makes a group hand its controllers on; undefined when done, else why not. */
async function handOn(folder: string, isOwn: boolean): Promise<string | undefined> {
  const control = join(folder, 'cgroup.subtree_control');
  const enable = async (): Promise<void> => {
    await writeFile(control, NEEDED_CONTROLLERS.map((name) => `+${name}`).join(' '));
    await writeFile(control, '+cpu').catch(() => {}); // a bonus that not every group has
  };
  try {
    await enable();
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EBUSY') return `the group ${folder} does not hand its controllers on (${code ?? 'unknown error'})`;
    if (!isOwn) return `the group ${folder} has processes in it, and so hands no controllers on`;
  }
  const leaf = join(folder, `rennet-${process.pid}-0`);
  try {
    const inside = (await words(join(folder, 'cgroup.procs'))).map(Number);
    const ours = await ancestors();
    if (!inside.every((pid) => ours.has(pid)))
      return `our group ${folder} has other processes than ours in it, and so hands no controllers on`;
    await mkdir(leaf);
    for (const pid of inside) await writeFile(join(leaf, 'cgroup.procs'), String(pid));
    await enable();
    return undefined;
  } catch (error) {
    await rmdir(leaf).catch(() => {});
    return `our group ${folder} cannot be divided (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`;
  }
}

/** This process and those that started it. */
async function ancestors(): Promise<Set<number>> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 0 && !found.has(pid); ) {
    found.add(pid);
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  }
  return found;
}

/** systemd marks what it leaves to others (systemd.resource-control(5), "Delegate="); Node cannot read such a mark. */
async function isDelegated(folder: string): Promise<boolean> {
  const read = `import os, sys
for name in ('user.delegate', 'trusted.delegate'):
    try:
        sys.exit(0 if os.getxattr(sys.argv[1], name) == b'1' else 1)
    except OSError:
        pass
sys.exit(1)`;
  return promisify(execFile)('/usr/bin/python3', ['-I', '-S', '-c', read, folder]).then(
    () => true,
    () => false,
  );
}

async function words(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).split(/\s+/).filter((word) => word !== '');
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
