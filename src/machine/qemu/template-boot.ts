import { closeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import { formatTarget } from '../../model/target.ts';
import { MACHINE_MIB } from '../capacity.ts';
import type { KeptMemory } from '../keeper.ts';
import { filesOf } from './jail.ts';
import { type RunningMachine, launch } from './launch.ts';
import { makePlaceholder } from './placeholder.ts';
import { saveDevices } from './migration.ts';
import { rehearse, untilSaid } from './rehearsal.ts';
import { noteGuest, tryRoom } from './room.ts';
import { reserveSlot } from './slot.ts';
import { type TemplateNote, type TemplatePorts, type TemplateRequest, withoutHost } from './template-record.ts';

const BOOT_MS = 120_000;
/** After the agent said that it is ready, it still goes to sleep in its read. */
const SETTLE_MS = 200;
/** For all that is done with one machine: a boot, and saving its devices; or a trial. */
const MACHINE_MS = 300_000;

/**
 * Boots a machine whose memory lies in the keeper, with a warm page cache, and freezes it when its agent waits; it never sees a job.
 * Afterwards both memories, called `name`, are sealed. RennetError `boot-failed`, `template-failed`, `cancelled`.
 */
export async function bootTemplate(
  { key, name, cpu }: { readonly key: string; readonly name: string; readonly cpu: string },
  request: TemplateRequest,
  ports: TemplatePorts,
  signal: AbortSignal,
): Promise<TemplateNote> {
  const { keeper, progress } = ports;
  const { shape, image } = request;
  const memory = await keeper.createMemory(`${name}.memory`, shape.memoryMiB * 1024 * 1024);
  const state = await keeper.createMemory(`${name}.state`, 0);
  if (memory === undefined || state === undefined) {
    throw new RennetError('template-failed', 'Another rennet is making the same template.', 'Run the command again.');
  }
  progress({ doing: `booting the template of the ${image.kind} image` });
  const opened = openPair(ports, memory, state);
  await withMachine(
    request,
    ports.state,
    opened,
    'template',
    makePlaceholder,
    async (machine, place) => {
      if (machine.qmp === undefined) throw new RennetError('defect', 'A template was booted without a monitor.');
      for (const stream of [machine.streams.log, machine.streams.output, machine.streams.service]) stream.resume();
      const isUp = await untilSaid('waiting', machine, BOOT_MS, signal);
      if (!isUp || !(await rehearse(machine, signal))) {
        if (signal.aborted) throw new RennetError('cancelled', 'Booting the template was stopped.');
        const what = isUp ? 'does not answer a hello' : 'did not boot';
        throw new RennetError('boot-failed', `The template ${what}. ${machine.complaints().slice(0, 300)}`);
      }
      await sleep(SETTLE_MS);
      progress({ doing: `freezing the template of the ${image.kind} image` });
      await saveDevices(machine.qmp, place, opened.state);
      await machine.ended;
    },
    signal,
  );
  const note = {
    key,
    madeAt: new Date().toISOString(),
    image: image.digest,
    target: formatTarget(image.target),
    kind: image.kind,
    shape: withoutHost(shape),
    qemu: request.qemu.version,
    cpu,
    state: await keeper.digestMemory(state.name),
    memory: await keeper.digestMemory(memory.name),
  };
  await keeper.sealMemory(state.name, note, note.state, 'on trial');
  await keeper.sealMemory(memory.name, note, note.memory, 'on trial');
  return note;
}

interface Pair {
  readonly memory: number;
  readonly state: number;
  close(): void;
}

function openPair({ keeper }: TemplatePorts, memory: KeptMemory, state: KeptMemory): Pair {
  const opened = [keeper.open(memory, 'r+'), keeper.open(state, 'r+')] as const;
  return { memory: opened[0], state: opened[1], close: () => opened.forEach((fd) => closeSync(fd)) };
}

/** Starts a machine on memories that it closes, in a slot that it releases; destroys it in any case. `use` gets the folders of saved state and slot. */
export async function withMachine<T>(
  request: TemplateRequest,
  state: StateFolder,
  opened: Pair,
  kind: 'template' | 'clone',
  disk: (folder: string, signal: AbortSignal) => Promise<string>,
  use: (machine: RunningMachine, place: string, folder: string) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { image, shape, accelerator, qemu } = request;
  let machine: RunningMachine | undefined;
  const over = AbortSignal.any([signal, AbortSignal.timeout(MACHINE_MS)]);
  const end = (): void => void machine?.destroy();
  // A trial writes little: what is its own fits into what is counted for QEMU.
  const wanted = { memoryMiB: MACHINE_MIB + (kind === 'template' ? shape.memoryMiB : 0) };
  over.addEventListener('abort', end);
  try {
    const slot = await reserveSlot(state);
    try {
      // Room was looked for before (requireTemplateMemory); what comes meanwhile sees this.
      await tryRoom(slot, wanted, { state, overcommit: true });
      const input = await disk(slot.folder, signal);
      const place = join(slot.folder, 'state');
      await mkdir(place, { mode: 0o755 });
      machine = await launch({
        shape,
        files: { ...filesOf(image, input, request.mirror), ...(kind === 'template' ? { state: place } : {}) },
        uid: slot.uid,
        kvmGroup: accelerator.kvmGroup,
        qemu: qemu.path,
        memory:
          kind === 'clone' ? { kind, memory: opened.memory, state: opened.state } : { kind, memory: opened.memory },
      });
      await noteGuest(slot, wanted, machine.streams.process, state);
      return await use(machine, place, slot.folder);
    } finally {
      await machine?.destroy();
      await slot.release();
    }
  } finally {
    over.removeEventListener('abort', end);
    opened.close();
  }
}
