import type { Image } from '../../model/machine.ts';
import type { StateFolder } from '../../model/state.ts';
import type { MachineShape } from './arguments.ts';
import type { Host } from './guest-run.ts';
import { filesOf } from './jail.ts';
import { type RunningMachine, launch } from './launch.ts';
import { restorePaused } from './migration.ts';
import { makePlaceholder } from './placeholder.ts';
import { readHostFacts } from './room.ts';
import { type Slot, reserveSlot } from './slot.ts';
import type { OpenTemplate } from './template-record.ts';

/** A clone that is restored and waits, paused, for its job: it has its slot, and an empty input disk that the job's is written into. */
export interface WarmGuest {
  readonly machine: RunningMachine;
  readonly slot: Slot;
  readonly input: string;
  /** Lets it run, once its input disk is written. */
  resume(): void;
}

/** Guests that wait, so that taking one costs almost nothing. They belong to this process and go with it. */
export interface WarmPool {
  /** Takes a waiting guest; undefined where none waits (yet). The caller releases its slot and destroys its machine. */
  take(template: OpenTemplate): WarmGuest | undefined;
  /** Sees to it that guests wait for the next jobs; none where memory is short. Settles when they wait; never rejects. */
  fill(host: Host, image: Image): Promise<void>;
  /** Destroys all that wait, and starts no more. */
  close(): Promise<void>;
}

/** What must stay free beside a guest that may touch all of its memory: for builds that begin meanwhile. */
const SPARE_MIB = 2048;

/** Keeps up to `size` guests waiting for each template; 0: none. */
export function createWarmPool(size: number, state: StateFolder): WarmPool {
  const waiting = new Map<string, WarmGuest[]>();
  const underWay = new Map<Promise<void>, string>();
  const closing = new AbortController();

  const startOne = async (host: Host, template: OpenTemplate, image: Image): Promise<void> => {
    const guest = await startPaused(host, template, image, state);
    if (closing.signal.aborted) return letGo(guest);
    const guests = waiting.get(template.key) ?? [];
    waiting.set(template.key, [...guests, guest]);
    // One that dies while it waits must not be given to a job.
    void guest.machine.ended.then(async () => {
      const left = waiting.get(template.key) ?? [];
      if (!left.includes(guest)) return;
      waiting.set(
        template.key,
        left.filter((it) => it !== guest),
      );
      await letGo(guest);
    });
  };

  return {
    take(template) {
      const [guest, ...rest] = waiting.get(template.key) ?? [];
      waiting.set(template.key, rest);
      return guest;
    },
    async fill(host, image) {
      const { template } = host;
      if (template === undefined || closing.signal.aborted) return;
      const { key } = template;
      const starting = [...underWay.values()].filter((its) => its === key).length;
      const missing = size - (waiting.get(key)?.length ?? 0) - starting;
      for (let number = 0; number < missing; number++) {
        const work = hasRoom(host, state)
          .then((room) => (room && !closing.signal.aborted ? startOne(host, template, image) : undefined))
          .catch(() => {}) // the next job then clones for itself, and tells what is wrong
          .finally(() => underWay.delete(work));
        underWay.set(work, key);
      }
      // Those that an earlier call began, too.
      await Promise.all([...underWay.keys()].filter((work) => underWay.get(work) === key));
    },
    async close() {
      closing.abort();
      await Promise.all(underWay.keys());
      const all = [...waiting.values()].flat();
      waiting.clear();
      await Promise.all(all.map(letGo));
    },
  };
}

/** A guest that waits is paused and takes nothing more: it claims room only when it is taken, so that it keeps no job waiting. */
async function hasRoom({ shape }: Host, state: StateFolder): Promise<boolean> {
  return mayWait(shape, (await readHostFacts(state)).availableMiB);
}

/** Whether a guest of this shape may wait on a host with so much memory left. Pure. */
export function mayWait({ memoryMiB }: Pick<MachineShape, 'memoryMiB'>, availableMiB: number): boolean {
  return availableMiB >= memoryMiB + SPARE_MIB;
}

async function startPaused(host: Host, template: OpenTemplate, image: Image, state: StateFolder): Promise<WarmGuest> {
  const slot = await reserveSlot(state);
  let machine: RunningMachine | undefined;
  try {
    const input = await makePlaceholder(slot.folder);
    const opened = template.open();
    try {
      machine = await launch({
        shape: host.shape,
        files: filesOf(image, input, host.mirror),
        uid: slot.uid,
        kvmGroup: host.accelerator.kvmGroup,
        qemu: host.qemu.path,
        memory: { kind: 'clone', memory: opened.memory, state: opened.state },
      });
    } finally {
      opened.close();
    }
    const { qmp } = machine;
    if (qmp === undefined) throw new Error('a clone has no monitor');
    await restorePaused(qmp);
    const running = machine;
    return {
      machine,
      slot,
      input,
      resume: () => void qmp.execute('cont').catch(() => running.destroy()),
    };
  } catch (error) {
    await machine?.destroy();
    await slot.release();
    throw error;
  }
}

async function letGo({ machine, slot }: WarmGuest): Promise<void> {
  await machine.destroy();
  await slot.release();
}
