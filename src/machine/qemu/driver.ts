import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../../model/errors.ts';
import type { GuestJob, GuestReport, MachineDriver, ResetStrategy } from '../../model/machine.ts';
import type { StateFolder } from '../../model/state.ts';
import { ensureMemoryFolder, requireMemory } from '../../host/memory.ts';
import { type Freshness, createFreshness, runProtocol, withMemoryLimit } from '../protocol.ts';
import { type Accelerator, type AcceleratorChoice, chooseAccelerator, knownKvmState } from './accelerator.ts';
import type { MachineShape } from './arguments.ts';
import { writeInputDisk } from './input-disk.ts';
import { type RunningMachine, launch } from './launch.ts';
import { restoreDevices } from './migration.ts';
import { type QemuProgram, findQemu } from './program.ts';
import { type Slot, reserveSlot } from './slot.ts';
import { type OpenTemplate, type OpenedMemory, shapeOf } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';

export interface QemuDriverOptions {
  readonly state: StateFolder;
  readonly accelerator: AcceleratorChoice;
  /** Where `memory` finds its templates; undefined: every guest boots. */
  readonly templates: TemplateStore | undefined;
}

/** Hello to ready. A clone needs a fifth of a second, a boot 4 s; on a host with other work ten times that is not broken. */
const READY_MS = { clone: 20_000, boot: 90_000 };
const BOOTS = 2;
/** What a guest takes from the host beyond its page tables' worth before its job even starts. */
const QEMU_OWN_MIB = 192;

/** The driver of real throw-away machines. Implements `MachineDriver`; see there for failures and abort. */
export function createQemuDriver(options: QemuDriverOptions): MachineDriver {
  const freshness = createFreshness();
  const runJob = async (job: GuestJob, signal: AbortSignal): Promise<GuestReport> => {
    const host = await prepareHost(options, job, signal);
    const started = Date.now();
    const slot = await reserveSlot(options.state);
    try {
      const input = await writeInputDisk(job.input, slot.folder, signal);
      const guest: Guest = { job, host, slot, input, freshness, started };
      const opened = openTemplate(host.template);
      if (host.template !== undefined && opened !== undefined) {
        const report = await runOnce(guest, opened, signal);
        if (!isBootFailure(report)) return report;
        await options.templates?.distrust(host.template);
      }
      let report = await runOnce(guest, undefined, signal);
      for (let boot = 1; boot < BOOTS && isBootFailure(report); boot++)
        report = await runOnce(guest, undefined, signal);
      return report;
    } finally {
      await slot.release();
    }
  };
  return {
    name: 'qemu',
    async run(job, signal) {
      try {
        signal.throwIfAborted();
        return await runJob(job, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        return cancelledReport(job);
      }
    },
    async isolation() {
      const kvm = options.accelerator === 'tcg' ? undefined : await knownKvmState(options.state);
      return kvm?.state === 'works'
        ? { isolation: 'hardware', sentence: kvm.sentence }
        : { isolation: 'emulated', sentence: `${kvm?.sentence ?? ''} Guests run under emulation (TCG).`.trim() };
    },
  };
}

interface Host {
  readonly qemu: QemuProgram;
  readonly accelerator: Accelerator;
  readonly shape: MachineShape;
  readonly template: OpenTemplate | undefined;
}

interface Guest {
  readonly job: GuestJob;
  readonly host: Host;
  readonly slot: Slot;
  readonly input: string;
  readonly freshness: Freshness;
  readonly started: number;
}

async function prepareHost(options: QemuDriverOptions, job: GuestJob, signal: AbortSignal): Promise<Host> {
  const { state } = options;
  await ensureMemoryFolder(state);
  if (job.reset !== 'memory' && job.reset !== 'overlay') {
    throw new RennetError('bad-usage', `The reset strategy ${job.reset} is not there yet.`, 'Use memory or overlay.');
  }
  const qemu = await findQemu(state);
  const accelerator = await chooseAccelerator(options.accelerator, job.image, state, signal);
  const shape = shapeOf(accelerator, job.limits);
  await requireMemory(shape.memoryMiB + QEMU_OWN_MIB, 'A guest');
  const wanted = job.reset === 'memory' ? options.templates : undefined;
  const template = await wanted?.obtain({ image: job.image, shape, accelerator, qemu }, signal);
  return { qemu, accelerator, shape, template };
}

async function runOnce(guest: Guest, opened: OpenedMemory | undefined, signal: AbortSignal): Promise<GuestReport> {
  const { job, host, slot } = guest;
  for (const name of ['log', 'output']) await rm(join(job.spool, name), { force: true });
  let machine: RunningMachine;
  try {
    machine = await launch({
      shape: host.shape,
      files: { kernel: job.image.kernel, initrd: job.image.initrd, base: job.image.disk, input: guest.input },
      uid: slot.uid,
      kvmGroup: host.accelerator.kvmGroup,
      qemu: host.qemu.path,
      memory: opened === undefined ? { kind: 'own' } : { kind: 'clone', memory: opened.memory, state: opened.state },
    });
  } finally {
    // The child has its own copies.
    opened?.close();
  }
  const launched = Date.now();
  const options = {
    readyMs: opened === undefined ? READY_MS.boot : READY_MS.clone,
    freshness: guest.freshness,
    destroy: () => machine.destroy(),
  };
  // A clone that cannot restore its devices never gets ready; its end says so.
  if (machine.qmp !== undefined) restoreDevices(machine.qmp).catch(() => machine.destroy());
  try {
    const heard = await runProtocol(machine.streams, job, options, signal);
    const { timingsMs, code, ...end } = withMemoryLimit(heard, machine.killedForMemory());
    const reset: ResetStrategy = opened === undefined ? 'overlay' : 'memory';
    const complaint = code === 'boot-failed' ? firstLine(machine.complaints()) : '';
    return {
      ...end,
      sentence: complaint === '' ? end.sentence : `${end.sentence} It said: ${complaint}`,
      driver: 'qemu',
      reset,
      isolation: host.accelerator.accelerator === 'kvm' ? 'hardware' : 'emulated',
      machineVersion: host.qemu.version,
      timingsMs: {
        reset: launched - guest.started + timingsMs.ready,
        run: timingsMs.run,
        collect: timingsMs.collect,
        teardown: timingsMs.teardown,
      },
    };
  } finally {
    await machine.destroy();
  }
}

/** undefined when the keeper was killed just now: the guest then boots. */
function openTemplate(template: OpenTemplate | undefined): OpenedMemory | undefined {
  try {
    return template?.open();
  } catch {
    return undefined;
  }
}

/** For an abort before there was a guest. */
async function cancelledReport(job: GuestJob): Promise<GuestReport> {
  const [log, output] = [join(job.spool, 'log'), join(job.spool, 'output')];
  for (const path of [log, output]) await writeFile(path, '', { flag: 'a', mode: 0o600 });
  return {
    end: 'cancelled',
    sentence: 'The work was cancelled before its guest was there.',
    log,
    output,
    driver: 'qemu',
    reset: 'overlay',
    isolation: 'emulated',
    machineVersion: '',
    timingsMs: { reset: 0, run: 0, collect: 0, teardown: 0 },
  };
}

/** Nothing of the job has run then, so another machine may try. */
function isBootFailure(report: GuestReport): boolean {
  return report.end === 'infrastructure';
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 200)
    .trim();
}
