import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestJob, GuestKind, GuestReport, MachineDriver } from '../../model/machine.ts';
import type { Progress } from '../../model/progress.ts';
import type { StateFolder } from '../../model/state.ts';
import { machineArchitecture } from '../../model/target.ts';
import { usedMiB } from '../../host/files.ts';
import { ensureMemoryFolder } from '../../host/memory.ts';
import { createFreshness } from '../protocol.ts';
import { type AcceleratorChoice, chooseAccelerator, foreignMachine, knownKvmState } from './accelerator.ts';
import { type Guest, type Host, type Start, runGuest } from './guest-run.ts';
import { writeInputDisk } from './input-disk.ts';
import { makePlaceholder } from './placeholder.ts';
import { createWarmPool, type WarmGuest } from './pool.ts';
import { findQemu } from './program.ts';
import { claimRoom, noteGuest, requireGuestMemory, wantedOf } from './room.ts';
import { reserveSlot } from './slot.ts';
import { type OpenTemplate, type OpenedMemory, shapeOf } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';

export interface QemuDriverOptions {
  readonly state: StateFolder;
  readonly accelerator: AcceleratorChoice;
  /** Where `memory` finds its templates; undefined: every guest boots. */
  readonly templates: TemplateStore | undefined;
  /** How many restored guests wait for each template; 0 where it is not given. */
  readonly warm?: number;
  readonly progress?: Progress;
  /** Guests start without regard to what others on this host may take. */
  readonly overcommit?: boolean;
}

const BOOTS = 2;

/** Runs the job in one more machine. */
type Run = (start: Start) => Promise<GuestReport>;

/** The driver of real throw-away machines. Implements `MachineDriver`; see there for failures and abort. */
export function createQemuDriver(options: QemuDriverOptions): MachineDriver {
  const { state, templates, progress = () => {}, overcommit = false } = options;
  const pool = createWarmPool(options.warm ?? 0, state);
  const freshness = createFreshness();
  const closing = new AbortController();
  const preparing = new Set<Promise<void>>();

  const runJob = async (job: GuestJob, signal: AbortSignal): Promise<GuestReport> => {
    const host = await prepareHost(options, job, signal);
    const started = Date.now();
    const warm = host.template === undefined ? undefined : pool.take(host.template);
    const slot = warm?.slot ?? (await reserveSlot(state));
    const notes: Promise<void>[] = [];
    let report: GuestReport;
    let begun: number;
    try {
      report = await runInSlot(job, { host, slot, warm, started }, (note) => notes.push(note), signal);
    } finally {
      begun = performance.now();
      await warm?.machine.destroy();
      await Promise.all(notes); // not into the next guest's slot
      await slot.release();
      void pool.fill(host, job.image);
    }
    // A guest is gone when its disks are, too.
    const teardown = report.timingsMs.teardown + Math.round(performance.now() - begun);
    return { ...report, timingsMs: { ...report.timingsMs, teardown } };
  };

  const runInSlot = async (
    job: GuestJob,
    { host, slot, warm, started }: Pick<Guest, 'host' | 'slot' | 'started'> & { readonly warm: WarmGuest | undefined },
    onNote: (noted: Promise<void>) => void,
    signal: AbortSignal,
  ): Promise<GuestReport> => {
    const wanted = wantedOf(host.shape, host.template, job.reset, await usedMiB(job.image.disk));
    const room = { state, progress, overcommit, release: () => pool.release() };
    const waitedMs = await claimRoom(slot, wanted, room, signal);
    // Those that it had to wait for may have gone without any room left.
    await requireGuestMemory(host.shape.memoryMiB, state, slot.number);
    // By the service nothing of the job lies on the disk.
    const input =
      job.channel === 'service'
        ? (warm?.input ?? (await makePlaceholder(slot.folder)))
        : await writeInputDisk(job.input, slot.folder, signal, warm?.input);
    const onStart = (pid: number): void => onNote(noteGuest(slot, wanted, pid, state).catch(() => {}));
    const guest: Guest = { job, host, slot, input, freshness, started: started + waitedMs, onStart };
    let tries = 0;
    const runOn: Run = async (start) => {
      tries += 1;
      return { ...(await runGuest(guest, start, signal)), tries };
    };
    if (host.template !== undefined) {
      const report = await runClone(runOn, host.template, warm);
      if (report !== undefined) return report;
    }
    const start: Start = { kind: 'boot', root: job.reset === 'copy' || job.reset === 'delta' ? job.reset : 'shared' };
    let report = await runOn(start);
    for (let boot = 1; boot < BOOTS && isBootFailure(report); boot++) report = await runOn(start);
    return report;
  };

  /** undefined where no clone came up: the guest then boots. */
  const runClone = async (
    runOn: Run,
    template: OpenTemplate,
    warm: WarmGuest | undefined,
  ): Promise<GuestReport | undefined> => {
    const first: Start | undefined = warm && { kind: 'warm', guest: warm };
    for (let start = first ?? cloneOf(template); start !== undefined; start = cloneOf(template)) {
      const report = await runOn(start);
      if (!isBootFailure(report)) {
        templates?.worked(template);
        return report;
      }
      if ((await templates?.failed(template)) !== 'try again') return undefined;
    }
    return undefined;
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
    async isolation(target) {
      const isTcg = options.accelerator === 'tcg';
      const kvm = isTcg ? undefined : (foreignMachine(target) ?? (await knownKvmState(options.state)));
      return kvm?.state === 'works'
        ? { isolation: 'hardware', sentence: kvm.sentence }
        : { isolation: 'emulated', sentence: `${kvm?.sentence ?? ''} Guests run under emulation (TCG).`.trim() };
    },
    async prepare(wanted, signal) {
      const work = prepareHost(options, wanted, AbortSignal.any([signal, closing.signal]))
        .then((host) => pool.fill(host, wanted.image))
        .catch(() => {})
        .finally(() => preparing.delete(work));
      preparing.add(work);
      await work;
    },
    async close() {
      closing.abort();
      await Promise.all(preparing);
      await pool.close();
    },
  };
}

async function prepareHost(options: QemuDriverOptions, job: GuestKind, signal: AbortSignal): Promise<Host> {
  const { state } = options;
  await ensureMemoryFolder(state);
  const qemu = await findQemu(state, machineArchitecture(job.image.target));
  const accelerator = await chooseAccelerator(options.accelerator, job.image, state, signal);
  const { mirror } = job;
  const shape = shapeOf(accelerator, job.limits, mirror);
  await requireGuestMemory(shape.memoryMiB, state);
  const wanted = job.reset === 'memory' ? options.templates : undefined;
  const template = await wanted?.obtain({ image: job.image, shape, accelerator, qemu, mirror }, signal);
  return { qemu, accelerator, shape, mirror, template };
}

/** undefined when the keeper was killed just now: the guest then boots. */
function cloneOf(template: OpenTemplate): Start | undefined {
  let opened: OpenedMemory;
  try {
    opened = template.open();
  } catch {
    return undefined;
  }
  return { kind: 'clone', opened };
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
    tries: 0,
    timingsMs: { reset: 0, run: 0, collect: 0, teardown: 0 },
  };
}

/** Nothing of the job has run then, so another machine may try. */
function isBootFailure(report: GuestReport): boolean {
  return report.end === 'infrastructure';
}
