import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { familyOf } from '../../host/process-family.ts';
import type { StateFolder } from '../../model/state.ts';
import { createCgroup } from '../cgroup.ts';
import { SANDBOX } from './arguments.ts';
import { type JailOptions, jailed } from './jail.ts';
import { type Slot, reserveSlot } from './slot.ts';
import { systemCallFilter } from './system-calls.ts';

/** What a program found in QEMU's place; see jail-probe.py. */
const inside = z.object({
  uid: z.int(),
  gid: z.int(),
  capabilities: z.record(z.string(), z.number()),
  noNewPrivileges: z.boolean(),
  filtered: z.boolean(),
  becomesRoot: z.boolean(),
  namespaces: z.record(z.string(), z.string()),
  interfaces: z.array(z.string()),
  processes: z.int(),
  root: z.array(z.string()),
  writable: z.array(z.string()),
  limits: z.record(z.string(), z.string()),
});

/** What a guest's jail on this host really is. */
export interface JailFindings {
  /** What a program in QEMU's place found; a sentence where the jail does not start. */
  readonly inside: z.infer<typeof inside> | string;
  /** Namespaces of this process, to compare. */
  readonly outside: Readonly<Record<string, string>>;
  /** The user of the slot; undefined for an ordinary user. */
  readonly slotUid: number | undefined;
  /** Whether QEMU, started with its sandbox, runs under a filter of system calls; a sentence where it does not start so. */
  readonly sandbox: boolean | string;
  readonly cgroup: { readonly version: 'v2' | 'v1' | 'none'; readonly sentence: string };
  /** Ways in which a sealed memory could be changed all the same; a sentence where it could not be tried. */
  readonly unsealed: readonly string[] | string;
}

const PYTHON = '/usr/bin/python3';
const INSIDE = fileURLToPath(new URL('jail-probe.py', import.meta.url));
const SEALS = fileURLToPath(new URL('seal-probe.py', import.meta.url));
const KEEPER = fileURLToPath(new URL('keeper.py', import.meta.url));
/** Only where something hangs, or the host has other work. */
const DEADLINE_MS = 30_000;
const PROBE_MIB = 512;

/**
 * Starts the jail of guests (jail.ts) twice, with a small program in QEMU's place and with an idle QEMU, and tells what they have. Nothing is
 * assumed: what a layer is worth here is what they could not do. Takes about half a second. RennetError `no-memory`, `state-unwritable`.
 */
export async function probeJail(qemu: string, state: StateFolder): Promise<JailFindings> {
  const slot = await reserveSlot(state);
  const limits = { memoryMiB: PROBE_MIB, processes: 64, cpus: 1 };
  const group = await createCgroup(`${process.pid}-${randomInt(1, 2 ** 47)}`, limits);
  try {
    const options = await optionsFor(slot, group.joinFiles);
    const [found, sandbox, unsealed, outside] = await Promise.all([
      runInside(options),
      trySandbox({ ...options, qemu }),
      trySeals(),
      ownNamespaces(),
    ]);
    const { version, sentence } = group;
    return { inside: found, outside, slotUid: slot.uid, sandbox, cgroup: { version, sentence }, unsealed };
  } finally {
    await group.remove();
    await slot.release();
  }
}

async function optionsFor(slot: Slot, joinFiles: readonly string[]): Promise<JailOptions> {
  const nothing = join(slot.folder, 'nothing');
  await writeFile(nothing, '', { mode: 0o644 });
  return {
    files: { kernel: nothing, initrd: nothing, base: nothing, input: nothing },
    uid: slot.uid,
    kvmGroup: undefined,
    addressSpaceMiB: PROBE_MIB + 4096,
    fileBytes: 0,
    qemu: PYTHON,
    joinFiles,
    lastDescriptor: 2,
  };
}

function start(options: JailOptions, args: readonly string[]): ChildProcess {
  const [file = '', ...rest] = jailed(options, args);
  return spawn(file, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
}

async function runInside(options: JailOptions): Promise<JailFindings['inside']> {
  const child = start(options, ['-I', '-S', '-c', await readFile(INSIDE, 'utf8')]);
  const [said, complaint] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  try {
    return inside.parse(JSON.parse(said));
  } catch {
    return firstLine(complaint) || 'it ended without a word';
  }
}

/** QEMU with the sandbox of guests and no machine at all; the kernel tells whether its filter is on beside the jail's (proc(5), `Seccomp_filters`). */
async function trySandbox(options: JailOptions): Promise<boolean | string> {
  const nothing = ['-nodefaults', '-no-user-config', '-display', 'none', '-M', 'none'];
  const child = start(options, [...nothing, '-sandbox', SANDBOX]);
  const filters = (status: string): number => Number(/^Seccomp_filters:\t(\d+)$/m.exec(status)?.[1] ?? 0);
  const ofTheJail = systemCallFilter() === undefined ? 0 : 1;
  const complaint = textOf(child.stderr);
  const ended = once(child, 'exit').catch(() => {});
  try {
    for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline && child.exitCode === null; await sleep(10)) {
      const states = await Promise.all((await familyOf(child.pid ?? 0)).map((pid) => statusOf(pid)));
      if (states.some((status) => /^Name:\tqemu/m.test(status) && filters(status) > ofTheJail)) return true;
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  const said = firstLine(await complaint);
  return said === '' ? false : said;
}

async function trySeals(): Promise<JailFindings['unsealed']> {
  const child = spawn(PYTHON, ['-I', '-S', SEALS, KEEPER], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complaint, [status]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  if (status !== 0) return complaint.trim().split('\n').at(-1) ?? '';
  return said.split('\n').filter((line) => line !== '');
}

async function ownNamespaces(): Promise<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const name of await readdir('/proc/self/ns')) own[name] = await readlink(`/proc/self/ns/${name}`);
  return own;
}

const statusOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
const textOf = (stream: ChildProcess['stdout']): Promise<string> =>
  stream === null ? Promise.resolve('') : text(stream);
const firstLine = (said: string): string =>
  said
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.slice(0, 200) ?? '';
