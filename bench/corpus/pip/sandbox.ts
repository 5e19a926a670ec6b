import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { createCgroup } from '../../../src/machine/cgroup.ts';
import { PIP_UID } from './root.ts';

/** One command in a root folder that it cannot change. */
export interface Confined {
  readonly root: string;
  /**
   * The only folder of the host that it may write, and pip's cache; they appear as /work and /cache, and are made where they are missing. What runs may
   * leave anything in them, wheels that pip takes for its own included: none may outlive a project.
   */
  readonly work: string;
  readonly cache: string;
  /** Files and folders of the host that it may read: place in the root, which must be there, by path on the host. */
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** Shares the host's network, its loopback included; false: has none. */
  readonly network: boolean;
  readonly bounds: Bounds;
}

export interface Bounds {
  readonly wallMs: number;
  readonly memoryMiB: number;
  readonly processes: number;
  /** Of both folders together; watched, so it may be passed for some seconds. */
  readonly diskMiB: number;
}

export interface ConfinedEnd {
  /** Exit status; null where it was killed. */
  readonly status: number | null;
  /** The bound that ended it. */
  readonly bound?: 'time' | 'memory' | 'disk';
  /** The last part of each, hostile. */
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_BYTES = 4 * 1024 * 1024;
const DISK_WATCH_MS = 5000;

/** Joins its control group before anything else runs, so that no process was ever outside. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit; shift; done; shift; exec "$@"';

/**
 * Runs a command as nobody in particular: own user without capabilities, own pid, ipc and uts namespaces, a root that holds nothing of the host, bounds.
 * It shares the host's kernel and, where asked, its network, the abstract unix sockets of the host's services included (unix (7): they belong to the network
 * namespace, no file guards them): this is no isolation (`--allow-unisolated`). Nothing of it lives when this returns.
 */
export async function runConfined(confined: Confined, name: string, signal: AbortSignal): Promise<ConfinedEnd> {
  signal.throwIfAborted();
  const { bounds, work, cache } = confined;
  for (const folder of [work, cache]) await ownedFolder(folder);
  const cgroup = await createCgroup(name, bounds);
  const stop = new AbortController();
  try {
    const [file = '', ...args] = confinedCommand(confined, cgroup.joinFiles);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } });
    let bound: ConfinedEnd['bound'];
    const end = (why: 'time' | 'disk') => {
      bound ??= why;
      child.kill('SIGKILL');
    };
    const onAbort = () => child.kill('SIGKILL');
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => end('time'), bounds.wallMs);
    const watching = watchDisk([work, cache], bounds.diskMiB, () => end('disk'), stop.signal);
    const [stdout, stderr] = [keepTail(child.stdout), keepTail(child.stderr)];
    const [status] = (await once(child, 'close').finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      stop.abort();
    })) as [number | null];
    await watching;
    signal.throwIfAborted();
    const ranOut = (await cgroup.outOfMemoryKills()) > 0 ? 'memory' : undefined;
    const hit = bound ?? (status === 0 ? undefined : ranOut);
    return { status, ...(hit === undefined ? {} : { bound: hit }), stdout: stdout(), stderr: stderr() };
  } finally {
    stop.abort();
    await cgroup.remove();
  }
}

/** The command with all that holds it. bwrap (1) kills what runs in it when it ends itself, and ends with us. Pure but for our own user id. */
function confinedCommand(confined: Confined, joinFiles: readonly string[]): string[] {
  const isRoot = process.getuid?.() === 0;
  const { bounds, files, env } = confined;
  return [
    joinFiles.length === 0 ? [] : ['sh', '-c', JOIN, 'sh', ...joinFiles, '--'],
    ['prlimit', '--core=0', '--nofile=4096', `--fsize=${bounds.diskMiB * 1024 * 1024}`],
    joinFiles.length === 0 ? [`--as=${bounds.memoryMiB * 1024 * 1024}`, `--nproc=${bounds.processes}`] : [],
    ['bwrap', '--die-with-parent', '--new-session', '--clearenv', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
    ['--unshare-cgroup-try', '--hostname', 'localhost', ...(confined.network ? [] : ['--unshare-net'])],
    isRoot
      ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((it) => ['--cap-add', it])
      : ['--unshare-user', '--uid', `${PIP_UID}`, '--gid', `${PIP_UID}`],
    ['--ro-bind', confined.root, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/run'],
    ['--bind', confined.work, '/work', '--bind', confined.cache, '/cache'],
    Object.entries(files).flatMap(([path, place]) => ['--ro-bind', path, place]),
    Object.entries(env).flatMap(([variable, value]) => ['--setenv', variable, value]),
    ['--chdir', '/work', '--'],
    isRoot ? ['setpriv', `--reuid=${PIP_UID}`, `--regid=${PIP_UID}`, '--clear-groups'] : ['setpriv'],
    ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'],
    confined.command,
  ].flat();
}

async function watchDisk(
  folders: readonly string[],
  mostMiB: number,
  onFull: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(DISK_WATCH_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    if ((await usedMiB(folders, signal)) > mostMiB && !signal.aborted) onFull();
  }
}

/** What folders take on disk together; files that vanish meanwhile count as du (1) saw them. */
export async function usedMiB(folders: readonly string[], signal: AbortSignal): Promise<number> {
  const { stdout } = await execa('du', ['-smc', '--', ...folders], { reject: false, cancelSignal: signal });
  return Number.parseInt(stdout?.trimEnd().split('\n').at(-1) ?? '', 10);
}

/** Keeps the last bytes of a stream, however much comes. */
function keepTail(stream: NodeJS.ReadableStream): () => string {
  let kept = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-KEPT_BYTES);
  });
  return () => kept.toString('utf8');
}

async function ownedFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  if (process.getuid?.() === 0) await chown(path, PIP_UID, PIP_UID);
}
