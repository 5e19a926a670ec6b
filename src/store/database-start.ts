import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, chown, type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { syncFolder } from '../host/files.ts';
import {
  type ClusterPaths,
  clusterPaths,
  DATABASE_USER,
  findPrograms,
  isReachable,
  PORT,
  placed,
  type ServiceContext,
  serverArguments,
  serviceCommand,
} from './cluster.ts';
import { temporaryName } from '../host/process-owner.ts';
import { serviceUser } from './service-user.ts';
import { requireOwnSocketFolder } from './socket-folder.ts';
import { requireSpace } from '../host/memory.ts';

/** A new cluster takes 40 MiB, its write-ahead log up to 128 MiB, and the rest needs room too. */
const FIRST_USE_MIB = 512;
const LOG_BYTES = 1024 * 1024;
/** Exit status of flock(1) when another process holds the lock: another Rennet starts the server, or it runs. */
export const LOCK_TAKEN = 75;
/** Nothing of the caller's environment (PGDATA, PGOPTIONS, LC_ALL, …) may change the server. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** A server that was started; it stays when this process ends. */
export interface StartedServer {
  /** Undefined while it lives; LOCK_TAKEN when another one was first. */
  exitStatus(): number | undefined;
  /** The last complaint in its log since it was started; empty when there is none. */
  complaint(): Promise<string>;
}

/**
 * Starts the private cluster's server, which is made on first use. Two processes may do so at once: the data folder appears by one
 * rename, and the server starts under a file lock that it and its children keep. That lock also makes stale pid files
 * (kill -9, power cut) harmless: who holds it knows that no process of the old server is left, whatever runs under its pid now.
 */
export async function startServer(state: StateFolder, signal: AbortSignal): Promise<StartedServer> {
  const isRoot = process.geteuid?.() === 0;
  const user = await serviceUser(signal);
  const paths = clusterPaths(state, isRoot);
  const reachable = !isRoot || (await isReachable(state.postgres, user));
  const context = { isRoot, user, stateRoot: state.root, place: reachable ? state.root : paths.view };
  if (!reachable) await mkdir(paths.view, { recursive: true, mode: 0o755 });
  const programs = await findPrograms(paths.data);
  await makeSocketFolder(paths.socketFolder, context);
  if (!(await hasCluster(paths.data))) await createCluster(paths, programs, context, signal);
  signal.throwIfAborted();
  return await spawnServer(paths, programs, context);
}

async function hasCluster(data: string): Promise<boolean> {
  return await stat(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

/** Nobody but us can put anything below the folder above it, so that one that is there was made here, maybe by half. */
async function makeSocketFolder(folder: string, { user }: ServiceContext): Promise<void> {
  await requireOwnSocketFolder(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
}

async function createCluster(
  paths: ClusterPaths,
  programs: string,
  context: ServiceContext,
  signal: AbortSignal,
): Promise<void> {
  await requireSpace(dirname(paths.data), FIRST_USE_MIB, 'A new state folder');
  const temporary = `${paths.data}.${temporaryName()}`;
  try {
    await mkdir(temporary, { mode: 0o700 });
    await chown(temporary, context.user.uid, context.user.gid);
    const initdb = [
      join(programs, 'initdb'),
      `--pgdata=${placed(context, temporary)}`,
      `--username=${DATABASE_USER}`,
      // PostgreSQL manual, "Trust authentication": right where a socket's folder lets only the owner in.
      '--auth-local=trust',
      '--auth-host=reject',
      '--locale=C',
      '--encoding=UTF8',
      '--data-checksums',
      '--no-instructions',
    ];
    const [file = '', ...rest] = serviceCommand(context, initdb, [temporary]);
    const made = await execa(file, rest, {
      reject: false,
      cancelSignal: signal,
      env: ENVIRONMENT,
      extendEnv: false,
      cwd: '/',
      stdin: 'ignore',
    });
    signal.throwIfAborted();
    if (made.failed) throw failure(`The database could not be made: ${lastLine(made.stderr) || made.shortMessage}.`);
    await rename(temporary, paths.data).catch((error: NodeJS.ErrnoException) => {
      // Another process was first; its cluster is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await syncFolder(dirname(paths.data));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function spawnServer(paths: ClusterPaths, programs: string, context: ServiceContext): Promise<StartedServer> {
  const log = await openLog(paths.log);
  const before = (await log.stat()).size;
  const data = placed(context, paths.data);
  const socketFolder = placed(context, paths.socketFolder);
  const server = serverArguments(programs, data, socketFolder);
  // Both files name the pid of a server; a stale one may belong to anyone by now, or to its own unreaped zombie.
  const stale = [`${data}/postmaster.pid`, `${socketFolder}/.s.PGSQL.${PORT}.lock`];
  const forget = ['sh', '-c', 'rm -f -- "$1" "$2" && shift 2 && exec "$@"', 'sh', ...stale];
  const lock = ['--no-fork', '--nonblock', '--conflict-exit-code', String(LOCK_TAKEN), paths.lock];
  let child: ChildProcess;
  try {
    child = spawn(
      'flock',
      [...lock, ...serviceCommand(context, [...forget, ...server], [paths.data, paths.socketFolder])],
      {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: ENVIRONMENT,
        cwd: '/',
      },
    );
  } finally {
    await log.close();
  }
  let status: number | undefined;
  child.on('error', () => {
    status = 127;
  });
  child.on('exit', (code) => {
    status = code ?? 128;
  });
  child.unref();
  return {
    exitStatus: () => status,
    complaint: async () => lastLine((await readFile(paths.log)).subarray(before).toString('utf8')),
  };
}

/** Root opens what the service user's server writes, so through no link. What has grown long begins anew. */
async function openLog(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  try {
    const log = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o640);
    if ((await log.stat()).size > LOG_BYTES) await log.truncate();
    return log;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw error;
    throw new RennetError('state-unwritable', `${path} is a link.`, 'Look who put it there and remove it.');
  }
}

/** The last line that complains, without the server's time stamp. */
function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const bad = lines.filter((line) => /FATAL|PANIC|error|could not|No space/i.test(line));
  return (bad.at(-1) ?? lines.at(-1) ?? '').replace(/^[-\d:. ]+ UTC \[\d+\] /, '').replace(/\.$/, '');
}

function failure(sentence: string): RennetError {
  return sentence.includes('No space left on device')
    ? new RennetError('no-space', sentence, 'Free space in the state folder and run the command again.')
    : new RennetError(
        'database-failed',
        sentence,
        'The server writes its log into run/postgres.log of the state folder.',
      );
}
