import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import type { ServiceUser } from './service-user.ts';

/** Debian's packages put each major version into a folder of its own. */
const POSTGRES_ROOT = '/usr/lib/postgresql';
/** sun_path holds 108 bytes with the closing zero (unix(7)); `.s.PGSQL.5432.lock` is the longest name in the folder. */
const SOCKET_FOLDER_BYTES = 107 - '/.s.PGSQL.5432.lock'.length;
export const PORT = 5432;
export const DATABASE_USER = 'rennet';
/** initdb makes it "for use by users, utilities and third party applications"; another one would cost a second. */
export const DATABASE = 'postgres';

/** Where the private cluster keeps what does not lie in its data folder. */
export interface ClusterPaths {
  readonly data: string;
  /** 0700 and the service user's: who can enter it is the database's superuser, so that no password is needed. */
  readonly socketFolder: string;
  /** Held with flock(2) by the server and all its children as long as one of them lives. */
  readonly lock: string;
  readonly log: string;
  /** Where the service user sees its own folders when it may not pass through the state folder or those above it. */
  readonly view: string;
}

/** Paths of the cluster; the same for every process that is given this state folder. Pure. */
export function clusterPaths(state: StateFolder, isRoot: boolean): ClusterPaths {
  const own = join(state.run, 'db');
  // The memory folder's name carries a digest of the state folder's path.
  const short = join(isRoot ? '/run' : '/tmp', state.memory.split('/').at(-1) ?? 'rennet');
  return {
    data: state.postgres,
    socketFolder: Buffer.byteLength(own) <= SOCKET_FOLDER_BYTES ? own : join(short, 'db'),
    lock: join(state.run, 'postgres.lock'),
    log: join(state.run, 'postgres.log'),
    view: join('/run', `${short.split('/').at(-1)}-state`),
  };
}

/** The folder with the programs that fit the data folder: its own major version, or the newest for a new one. */
export async function findPrograms(data: string, root = POSTGRES_ROOT): Promise<string> {
  const names = await readdir(root).catch(() => []);
  const majors = names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
  const installed: string[] = [];
  for (const major of majors) if (await exists(join(root, major, 'bin', 'initdb'))) installed.push(major);
  const wanted = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  const major = wanted === '' ? installed[0] : installed.find((name) => name === wanted);
  if (major !== undefined) return join(root, major, 'bin');
  if (wanted === '')
    throw new RennetError(
      'missing-tool',
      'PostgreSQL is not installed.',
      'Install it with: apt-get install postgresql (or name a server in RENNET_DATABASE_URL).',
    );
  throw new RennetError(
    'missing-tool',
    `The database in ${data} belongs to PostgreSQL ${wanted}; installed is ${installed.join(', ') || 'none'}.`,
    `Install postgresql-${wanted}, or move the data to the new version with pg_dump of the old one.`,
  );
}

/** True when `user` may pass through all folders above `path`, by their modes. */
export async function isReachable(path: string, user: ServiceUser): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === '/') return true;
  }
}

/** How a program is started as the service user. */
export interface ServiceContext {
  readonly isRoot: boolean;
  readonly user: ServiceUser;
  readonly stateRoot: string;
  /** Where the service user finds what it is shown of the state folder. */
  readonly place: string;
}

/** A path below the state folder as the service user sees it; other paths stay. */
export function placed(context: ServiceContext, path: string): string {
  return path.startsWith(`${context.stateRoot}/`) ? context.place + path.slice(context.stateRoot.length) : path;
}

/** `sh VIEW [FOLDER PLACE]… -- ARGV…` */
const SHOW_AND_RUN = `set -e; mount -t tmpfs -o mode=0755 rennet "$1"; shift
while [ "$1" != -- ]; do (umask 022; mkdir -p "$2"); mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"`;

/**
 * The command that runs `argv` as the service user. Where that user cannot reach the state folder (one below /root, say),
 * it runs in a mount namespace of its own that shows `folders`, those of the state folder that it needs, below `place`, and nothing else.
 */
export function serviceCommand(context: ServiceContext, argv: readonly string[], folders: readonly string[]): string[] {
  const { isRoot, user, stateRoot, place } = context;
  if (!isRoot) return [...argv];
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs'];
  const dropped = ['setpriv', ...ids, '--', ...argv];
  if (place === stateRoot) return dropped;
  const shown = folders.map((folder) => [folder, placed(context, folder)]).filter(([folder, at]) => folder !== at);
  const script = ['sh', '-c', SHOW_AND_RUN, 'sh', place, ...shown.flat(), '--', ...dropped];
  return ['unshare', '--mount', '--propagation', 'private', '--', ...script];
}

/** Arguments of the server: one socket, no TCP, little memory, everything durable. PostgreSQL manual, chapter 20. */
export function serverArguments(programs: string, data: string, socketFolder: string): string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: `"${socketFolder}"`,
    unix_socket_permissions: '0700',
    port: String(PORT),
    cluster_name: 'rennet',
    max_connections: '60',
    shared_buffers: '24MB',
    max_wal_size: '128MB',
    min_wal_size: '32MB',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_parallel_workers: '0',
    autovacuum_max_workers: '1',
    huge_pages: 'off',
    jit: 'off',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    data_sync_retry: 'off',
    ssl: 'off',
    client_connection_check_interval: '1s',
    timezone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return [join(programs, 'postgres'), '-D', data, ...options];
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
