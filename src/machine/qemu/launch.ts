import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { type MachineShape, type MemorySource, qemuArguments } from './arguments.ts';
import { type JailFiles, jailed } from './jail.ts';
import { type Qmp, openQmp } from './qmp.ts';

export interface LaunchOptions {
  readonly shape: MachineShape;
  readonly files: JailFiles;
  readonly uid: number | undefined;
  readonly kvmGroup: number | undefined;
  readonly qemu: string;
  /** Open descriptors of this process that the machine inherits: its memory, then its device state. */
  readonly memory:
    | { readonly kind: 'own' }
    | { readonly kind: 'template'; readonly memory: number; readonly state: number }
    | { readonly kind: 'clone'; readonly memory: number; readonly state: number };
}

/** A running QEMU in its jail. */
export interface RunningMachine {
  readonly streams: { readonly control: Duplex; readonly log: Duplex; readonly output: Duplex };
  /** Only where the memory becomes a template. */
  readonly qmp: Qmp | undefined;
  /** Descriptor number of the device state inside QEMU. */
  readonly stateFd: number;
  /** Settles when QEMU has ended, whoever ended it; never rejects. */
  readonly ended: Promise<void>;
  /** The last of what QEMU and the guest's kernel complained of. */
  complaints(): string;
  /** Kills QEMU and waits until nothing of it is left; never rejects. */
  destroy(): Promise<void>;
}

const KEPT_BYTES = 4096;
/** QEMU's own code, its translation buffer and its threads' stacks and arenas; address space, not memory. */
const QEMU_ADDRESS_SPACE_MIB = 4096;

/** Starts QEMU. All its channels are socket pairs that it inherits: no socket files, nobody else can connect. */
export function launch(options: LaunchOptions): RunningMachine {
  const monitor = options.memory.kind === 'template';
  const first = monitor ? 8 : 7;
  const own = options.memory.kind === 'own';
  const source: MemorySource =
    options.memory.kind === 'own'
      ? { kind: 'own' }
      : options.memory.kind === 'template'
        ? { kind: 'template', memoryFd: first }
        : { kind: 'clone', memoryFd: first, stateFd: first + 1 };
  const jail = {
    files: options.files,
    uid: options.uid,
    kvmGroup: options.kvmGroup,
    addressSpaceMiB: options.shape.memoryMiB + QEMU_ADDRESS_SPACE_MIB,
    mayWrite: monitor,
    qemu: options.qemu,
  };
  const [file = '', ...args] = jailed(jail, qemuArguments(options.shape, source, { monitor }));
  const inherited = options.memory.kind === 'own' ? [] : [options.memory.memory, options.memory.state];
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...channels(monitor ? 5 : 4), ...inherited],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  return follow(child, { monitor, stateFd: own ? -1 : first + 1 });
}

const channels = (count: number): 'pipe'[] => Array.from({ length: count }, () => 'pipe' as const);

function follow(child: ChildProcess, { monitor, stateFd }: { monitor: boolean; stateFd: number }): RunningMachine {
  const [, , , control, log, output, console, qmp] = child.stdio as unknown as (Duplex | null)[];
  const tails = [keepTail(child.stderr), keepTail(console)];
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  // The console closes when the last process that holds it is gone: QEMU itself, not only the jail's outer process.
  const closed = new Promise<void>((resolve) => {
    if (console === null || console === undefined) return resolve();
    console.once('close', () => resolve());
  });
  const ended = Promise.all([exited, closed]).then(() => undefined);
  if (!control || !log || !output || (monitor && !qmp)) throw new Error('a channel of QEMU is missing');
  for (const stream of [control, log, output]) stream.on('error', () => {});
  return {
    streams: { control, log, output },
    qmp: monitor && qmp ? openQmp(qmp) : undefined,
    stateFd,
    ended,
    complaints: () =>
      tails
        .map((tail) => tail())
        .join('\n')
        .trim(),
    async destroy() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function keepTail(stream: Readable | null | undefined): () => string {
  let tail = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-KEPT_BYTES);
  });
  stream?.on('error', () => {});
  return () => tail.toString('latin1');
}
