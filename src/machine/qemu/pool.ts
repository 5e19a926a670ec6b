import type { Image } from '../../model/machine.ts';
import type { StateFolder } from '../../model/state.ts';
import type { MachineShape } from './arguments.ts';
import type { Host } from './guest-run.ts';
import { filesOf } from './jail.ts';
import { type RunningMachine, launch } from './launch.ts';
import { restorePaused } from './migration.ts';
import { makePlaceholder } from './placeholder.ts';
import { rehearse } from './rehearsal.ts';
import { readHostFacts } from './room.ts';
import { type Slot, reserveSlot } from './slot.ts';
import type { OpenTemplate } from './template-record.ts';

/** A clone that is restored, has answered a hello for no job and waits, paused, for its own: it has its slot, and an empty input disk that the job's is written into. */
export interface WarmGuest {
  readonly template: OpenTemplate;
  readonly shape: MachineShape;
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
  /**
   * Sees to it that guests wait for the next jobs; none where memory is short. Clones of a template that this one has replaced go. Settles
   * when they wait; never rejects.
   */
  fill(host: Host, image: Image): Promise<void>;
  /** Destroys all that wait: a job needs the room. Never rejects. */
  release(): Promise<void>;
  /** Destroys all that wait, and starts no more. */
  close(): Promise<void>;
}

/** What must stay free beside guests that may touch all of their memory: for builds that begin meanwhile. */
const SPARE_MIB = 2048;

/** Keeps up to `size` guests waiting for each template; 0: none. */
export function createWarmPool(size: number, state: StateFolder): WarmPool {
  let waiting: readonly WarmGuest[] = [];
  let filling: Promise<void> = Promise.resolve();
  const closing = new AbortController();

  const drop = async (guests: readonly WarmGuest[]): Promise<void> => {
    const still = waiting.filter((it) => guests.includes(it));
    waiting = waiting.filter((it) => !still.includes(it));
    await Promise.all(still.map(letGo));
  };
  const startOne = async (host: Host, template: OpenTemplate, image: Image): Promise<void> => {
    const guest = await startPaused(host, template, image, state, closing.signal);
    if (closing.signal.aborted) return letGo(guest);
    waiting = [...waiting, guest];
    // One that dies while it waits must not be given to a job.
    void guest.machine.ended.then(() => drop([guest]));
  };
  const fillNow = async (host: Host, template: OpenTemplate, image: Image): Promise<void> => {
    await drop(waiting.filter((it) => it.template.key === template.key && !isSame(it.template, template)));
    const isMissing = (): boolean => waiting.filter((it) => isSame(it.template, template)).length < size;
    while (!closing.signal.aborted && isMissing() && (await hasRoom(host, waiting, state)))
      await startOne(host, template, image);
  };

  return {
    take(template) {
      const guest = waiting.find((it) => isSame(it.template, template));
      waiting = waiting.filter((it) => it !== guest);
      return guest;
    },
    async fill(host, image) {
      const { template } = host;
      if (template === undefined || size === 0) return;
      // One after another, so that each sees what those before it take. What goes wrong the next job tells: it clones for itself.
      filling = filling.then(() => fillNow(host, template, image)).catch(() => {});
      await filling;
    },
    release: () => drop(waiting),
    async close() {
      closing.abort();
      await filling;
      await drop(waiting);
    },
  };
}

/** A template that was made anew has the key of the one before it. */
const isSame = (one: OpenTemplate, other: OpenTemplate): boolean =>
  one.key === other.key && one.madeAt === other.madeAt;

/** A guest that waits is paused and takes nothing more: it claims room only when it is taken, so that it keeps no job waiting. */
async function hasRoom({ shape }: Host, waiting: readonly WarmGuest[], state: StateFolder): Promise<boolean> {
  const taken = waiting.reduce((sum, it) => sum + it.shape.memoryMiB, 0);
  return mayWait(shape, (await readHostFacts(state)).availableMiB - taken);
}

/** Whether a guest of this shape may wait on a host with so much memory left, those that wait already being full. Pure. */
export function mayWait({ memoryMiB }: Pick<MachineShape, 'memoryMiB'>, availableMiB: number): boolean {
  return availableMiB >= memoryMiB + SPARE_MIB;
}

async function startPaused(
  host: Host,
  template: OpenTemplate,
  image: Image,
  state: StateFolder,
  signal: AbortSignal,
): Promise<WarmGuest> {
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
    await qmp.execute('cont');
    if (!(await rehearse(machine, signal))) throw new Error('a clone does not answer');
    await qmp.execute('stop');
    const running = machine;
    return {
      template,
      shape: host.shape,
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
