import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { familyOf, killAll } from '../../host/process-family.ts';
import { RennetError } from '../../model/errors.ts';
import type { GuestJob, GuestReport, MachineDriver } from '../../model/machine.ts';
import { createCgroup, type GuestCgroup } from '../cgroup.ts';
import {
  createFreshness,
  guestReport,
  runProtocol,
  withMemoryLimit,
  type Freshness,
  type GuestStreams,
} from '../protocol.ts';

const LAUNCH = fileURLToPath(new URL('launch.sh', import.meta.url));
const READY_MS = 30_000;
/** How long the launcher may take to end after the guest's process 1. */
const LAUNCHER_MS = 500;
const RANGE = 65_536;
/** Host user ids for guests begin here, far above those of people and of most containers. */
const FIRST_ID = 1_073_741_824;
const RANGES = 8192;

/**
 * The driver without a virtual machine: namespaces, its own user ids, the image as the only root. For development and
 * measuring; everything it gives says `isolation: none`. Needs Linux 5.11 and Debian's util-linux.
 */
export function createNamespaceDriver(): MachineDriver {
  const freshness = createFreshness();
  return {
    name: 'namespace',
    run: (job, signal) => runGuest(job, freshness, signal),
    isolation: async () => ({
      isolation: 'none',
      sentence: "The namespace driver shares the host's kernel with the package's code: it is for development only.",
    }),
    prepare: async () => {},
    close: async () => {},
  };
}

async function runGuest(job: GuestJob, freshness: Freshness, signal: AbortSignal): Promise<GuestReport> {
  const [place, empty] = [join(job.spool, 'root'), join(job.spool, 'empty')];
  await mkdir(place);
  const cgroup = await createCgroup(`${process.pid}-${randomInt(1, 2 ** 47)}`, job.limits);
  try {
    // By the service nothing of the job lies in a folder.
    if (job.channel === 'service') await mkdir(empty);
    const guest = launch(job, job.channel === 'service' ? empty : job.input, place, cgroup);
    const report = await runProtocol(
      guest.streams,
      job,
      { readyMs: READY_MS, freshness, destroy: guest.destroy },
      signal,
    );
    const killedForMemory = (await cgroup.outOfMemoryKills()) > 0;
    const sentence = report.code === 'boot-failed' ? `${report.sentence} ${guest.complaint()}`.trim() : report.sentence;
    const machine = { driver: 'namespace', reset: 'overlay', isolation: 'none', machineVersion: '', tries: 1 } as const;
    return guestReport(withMemoryLimit({ ...report, sentence }, killedForMemory), machine);
  } finally {
    await cgroup.remove();
    for (const folder of [place, empty]) await rmdir(folder).catch(() => {});
  }
}

interface LaunchedGuest {
  readonly streams: GuestStreams;
  readonly destroy: () => Promise<void>;
  /** What the launcher said on standard error, the last line. */
  readonly complaint: () => string;
}

function launch(job: GuestJob, input: string, place: string, cgroup: GuestCgroup): LaunchedGuest {
  const root = process.getuid?.() === 0;
  const base = root ? FIRST_ID + randomInt(RANGES) * RANGE : 0;
  const command = [LAUNCH, job.image.folder, input, place, String(job.limits.memoryMiB), String(base)];
  // As root the mounts need a namespace before the user namespace is there; an ordinary user gets both at once.
  const own = root ? ['unshare', '--mount', '--propagation', 'private'] : [];
  const bounds = cgroup.version === 'none' ? ['prlimit', `--as=${job.limits.memoryMiB * 1024 * 1024}`] : [];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...own, ...bounds, 'sh', ...command, ...cgroup.joinFiles], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  child.on('error', () => {}); // without a process there are no channels, which is told below
  const exited = exitOf(child);
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-2000);
  });
  const [control, log, output, service] = [3, 4, 5, 6].map(
    (descriptor) => (child.pid === undefined ? undefined : child.stdio[descriptor]) as Duplex | undefined,
  );
  if (!control || !log || !output || !service)
    throw new RennetError('missing-tool', 'setpriv cannot be started.', 'Install util-linux.');
  return {
    streams: { control, log, output, service, process: child.pid ?? 0 },
    destroy: () => destroyGuest(child, exited),
    complaint: () => complaint.trim().split('\n').at(-1) ?? '',
  };
}

/**
 * Kills process 1 of the guest, and the kernel all others with it; the launcher waits for it and ends after it, so that nothing
 * lives any more when this returns. The launcher itself is killed only when there is no such process yet (it is still mounting).
 */
async function destroyGuest(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid !== undefined) killAll((await familyOf(child.pid)).slice(1));
  await Promise.race([exited, sleep(LAUNCHER_MS, undefined, { ref: false })]);
  child.kill('SIGKILL');
  await exited;
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  await once(child, 'exit').catch(() => {});
}
