import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RennetError } from '../../model/errors.ts';
import type { Image } from '../../model/machine.ts';
import type { StateFolder } from '../../model/state.ts';
import { formatTarget, type MachineArchitecture, machineArchitecture, type Target } from '../../model/target.ts';
import { lockFile } from '../../host/lock.ts';
import { qemuArguments } from './arguments.ts';
import { filesOf } from './jail.ts';
import { launch } from './launch.ts';
import { readJson, writeJson } from '../../host/files.ts';
import { bootId } from '../../host/process-owner.ts';
import { findQemu } from './program.ts';
import { untilSaid } from './rehearsal.ts';
import { reserveSlot } from './slot.ts';
import { makePlaceholder } from './placeholder.ts';
import { hostTscKhz } from './tsc.ts';

export type AcceleratorChoice = 'auto' | 'kvm' | 'tcg';

/** What KVM on this host is worth. */
export interface KvmState {
  readonly state: 'works' | 'broken' | 'missing' | 'untested';
  readonly sentence: string;
}

export interface Accelerator {
  /** Of the machine that it runs. */
  readonly architecture: MachineArchitecture;
  readonly accelerator: 'kvm' | 'tcg';
  /** Group of /dev/kvm, for the slot's user; undefined without KVM. */
  readonly kvmGroup: number | undefined;
  /** Of an emulated amd64 processor, where it is known. */
  readonly tscKhz?: number | undefined;
  readonly sentence: string;
}

/** A kernel that is not at its agent by then will not come: KVM takes under 2 s. */
const SELF_TEST_MS = 12_000;
const selfTestShape = ({ target }: Image) =>
  ({ architecture: machineArchitecture(target), accelerator: 'kvm', memoryMiB: 512, cpus: 1 }) as const;
const DEVICE = '/dev/kvm';
const EMULATED = 'Guests run under emulation (TCG): slow, and no security boundary by the policy of QEMU.';
const answer = z.object({ state: z.enum(['works', 'broken']), sentence: z.string(), at: z.number() });
type Answer = z.infer<typeof answer>;
/** Answers of this boot of the host, by what was tried. */
const kept = z.object({ boot: z.string(), answers: z.record(z.string(), answer) });
/** What does not work may have been mended meanwhile, or the host was busy. */
const BROKEN_MS = 15 * 60 * 1000;

/**
 * Decides with what guests of this image run. `auto`: KVM where it boots the real kernel, else emulation. `kvm`: KVM or an error, never
 * a silent fall-back. RennetError `kvm-missing`, `kvm-broken`.
 */
export async function chooseAccelerator(
  choice: AcceleratorChoice,
  image: Image,
  state: StateFolder,
  signal: AbortSignal,
): Promise<Accelerator> {
  const architecture = machineArchitecture(image.target);
  const emulated = async (sentence: string): Promise<Accelerator> => {
    const tscKhz = architecture === 'amd64' ? await hostTscKhz(state) : undefined;
    return { architecture, accelerator: 'tcg', kvmGroup: undefined, tscKhz, sentence };
  };
  if (choice === 'tcg') return emulated(EMULATED);
  const kvm = foreignMachine(image.target) ?? (await kvmSelfTest(image, state, signal));
  if (kvm.state === 'works') {
    return { architecture, accelerator: 'kvm', kvmGroup: (await stat(DEVICE)).gid, sentence: 'Guests run on KVM.' };
  }
  if (choice === 'kvm') throw refusal(kvm);
  return emulated(`${kvm.sentence} ${EMULATED}`);
}

/** Throws where KVM is asked for and nothing has to be booted to know that it cannot be had, so before images are made. RennetError `kvm-missing`. */
export async function requireKvm(choice: AcceleratorChoice, target: Target): Promise<void> {
  const missing = choice === 'kvm' ? (foreignMachine(target) ?? (await deviceState())) : undefined;
  if (missing !== undefined) throw refusal(missing);
}

function refusal({ state, sentence }: KvmState): RennetError {
  const hint = 'Mend it (rennet doctor says more), or allow emulation with --accelerator auto.';
  return new RennetError(state === 'missing' ? 'kvm-missing' : 'kvm-broken', sentence, hint);
}

/** What processors KVM of this host can offer; undefined where it has none of ours. */
const HOST_MACHINES: Partial<Record<string, MachineArchitecture>> = { x64: 'amd64', arm64: 'arm64' };

/** Why KVM cannot run such a guest here; undefined where it may: an i386 guest is one of an amd64 machine. Pure. */
export function foreignMachine(target: Target, host: string = process.arch): KvmState | undefined {
  const machine = machineArchitecture(target);
  if (HOST_MACHINES[host] === machine) return undefined;
  const sentence = `KVM runs guests of this host's own processor (${HOST_MACHINES[host] ?? host}) only, and ${formatTarget(target)} needs one of ${machine}.`;
  return { state: 'missing', sentence };
}

/**
 * Finds out whether KVM is any good by booting the image's kernel to its waiting agent with a deadline: there are hosts whose /dev/kvm
 * opens, makes machines, and hangs or aborts with a real kernel. That it works is kept for this boot of the host, kernel, QEMU and rights
 * of the device; that it does not for a quarter of an hour, and with `afresh` not at all.
 */
export async function kvmSelfTest(
  image: Image,
  state: StateFolder,
  signal: AbortSignal,
  afresh?: 'afresh',
): Promise<KvmState> {
  const device = await deviceState();
  if (device !== undefined) return device;
  const key = await selfTestKey(image, state);
  const known = async (): Promise<KvmState | undefined> => {
    const found = (await keptAnswers(state))[key];
    return found?.state === 'broken' && afresh !== undefined ? undefined : found && told(found);
  };
  const before = await known();
  if (before !== undefined) return before;
  const lock = await lockFile(join(state.run, 'kvm.lock'), signal);
  try {
    const meanwhile = await known();
    if (meanwhile !== undefined) return meanwhile;
    const found = { ...(await bootOnKvm(image, state, signal)), at: Date.now() };
    const answers = { ...(await keptAnswers(state)), [key]: found };
    await writeJson(keptFile(state), { boot: bootId(), answers });
    return told(found);
  } finally {
    await lock.release();
  }
}

/** What is known without booting anything; `untested` where nobody has tried since the host's boot. */
export async function knownKvmState(state: StateFolder): Promise<KvmState> {
  const device = await deviceState();
  if (device !== undefined) return device;
  const answers = Object.values(await keptAnswers(state));
  const found = answers.find((it) => it.state === 'works') ?? answers.at(-1);
  return found ? told(found) : { state: 'untested', sentence: 'KVM is there; the first guest tries it.' };
}

/** Those that still count. */
async function keptAnswers(state: StateFolder): Promise<Record<string, Answer>> {
  const found = kept.safeParse(await readJson(keptFile(state)));
  if (!found.success || found.data.boot !== bootId()) return {};
  const counts = ([, it]: [string, Answer]): boolean => it.state === 'works' || Date.now() - it.at < BROKEN_MS;
  return Object.fromEntries(Object.entries(found.data.answers).filter(counts));
}

const keptFile = (state: StateFolder): string => join(state.run, 'kvm.json');
const told = ({ state, sentence }: Answer): KvmState => ({ state, sentence });

async function deviceState(): Promise<KvmState | undefined> {
  try {
    await (await open(DEVICE, 'r+')).close();
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT'
      ? { state: 'missing', sentence: 'This host has no /dev/kvm.' }
      : {
          state: 'missing',
          sentence: `/dev/kvm cannot be opened by this user (${String(code)}); "adduser ${userName()} kvm" and a new login mend it.`,
        };
  }
}

/** A user id that no user database knows has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `#${process.getuid?.() ?? ''}`;
  }
}

async function bootOnKvm(
  image: Image,
  state: StateFolder,
  signal: AbortSignal,
): Promise<KvmState & { state: 'works' | 'broken' }> {
  const qemu = await findQemu(state, machineArchitecture(image.target));
  const slot = await reserveSlot(state);
  const device = await stat(DEVICE);
  // A slot's user gets in by the group or not at all; where it cannot, the trial still tells whether it is worth mending.
  const groupMayUse = (device.mode & 0o060) === 0o060;
  try {
    const input = await makePlaceholder(slot.folder);
    const machine = await launch({
      shape: selfTestShape(image),
      files: filesOf(image, input),
      uid: groupMayUse ? slot.uid : undefined,
      kvmGroup: device.gid,
      qemu: qemu.path,
      memory: { kind: 'own' },
    });
    try {
      for (const stream of [machine.streams.log, machine.streams.output, machine.streams.service]) stream.resume();
      const booted = await untilSaid('waiting', machine, SELF_TEST_MS, signal);
      signal.throwIfAborted();
      if (booted && (groupMayUse || slot.uid === undefined))
        return { state: 'works', sentence: 'KVM boots the real kernel.' };
      if (booted) {
        const mend = 'run: chgrp kvm /dev/kvm; chmod 0660 /dev/kvm';
        return {
          state: 'broken',
          sentence: `KVM works, but its group may not use /dev/kvm, as guests have users of their own: ${mend}.`,
        };
      }
      const complaint = machine.complaints().split('\n').at(0) ?? '';
      const how = complaint === '' ? 'the guest hangs in silence' : complaint.slice(0, 200);
      return { state: 'broken', sentence: `/dev/kvm is there but does not boot a kernel: ${printable(how)}.` };
    } finally {
      await machine.destroy();
    }
  } finally {
    await slot.release();
  }
}

/** Every guest asks, and an image's kernel never changes: read once. */
const kernelDigests = new Map<string, Promise<string>>();

function kernelDigest(path: string): Promise<string> {
  const known = kernelDigests.get(path);
  if (known !== undefined) return known;
  const digest = readFile(path).then((kernel) => createHash('sha256').update(kernel).digest('hex'));
  kernelDigests.set(path, digest);
  digest.catch(() => kernelDigests.delete(path));
  return digest;
}

async function selfTestKey(image: Image, state: StateFolder): Promise<string> {
  const { version } = await findQemu(state, machineArchitecture(image.target));
  const how = qemuArguments(selfTestShape(image), { kind: 'own' }).join(' ');
  const { mode, gid } = await stat(DEVICE);
  return createHash('sha256')
    .update(`${version}\n${how}\n${mode} ${gid}\n`)
    .update(await kernelDigest(image.kernel))
    .digest('hex');
}

const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?').trim();
