import type { MachineArchitecture } from '../../model/target.ts';

/** What a machine is made of; everything that a template must share with its clones, and nothing that differs between clones. */
export interface MachineShape {
  readonly architecture: MachineArchitecture;
  readonly accelerator: 'kvm' | 'tcg';
  readonly memoryMiB: number;
  readonly cpus: number;
  /** What an emulated amd64 processor counts by (tsc.ts); where it is not known, a guess. */
  readonly tscKhz?: number;
  /** Size of the disk with the operator's mirror; none where it is absent. */
  readonly mirrorBytes?: number;
}

/** Where a machine's memory comes from. */
export type MemorySource =
  /** Private memory of this QEMU: a cold boot. */
  | { readonly kind: 'own' }
  /** A shared mapping that becomes a template; the page cache is warmed at boot. */
  | { readonly kind: 'template' }
  /** A private mapping of a sealed template; the devices' state is restored over QMP. */
  | { readonly kind: 'clone' };

/**
 * Where the guest's root lies. `shared`: the image's disk, read-only for everyone, with an overlay in the guest's memory; `copy`: a copy
 * of it that the guest writes to; `delta`: a file of its own that holds what differs from the shared disk.
 */
export type RootDisk = 'shared' | 'copy' | 'delta';

/** File descriptors that QEMU inherits: one end of a socket pair each. */
export const CHANNEL_FDS = { control: 3, log: 4, output: 5, service: 6, console: 7 } as const;
export const QMP_FD = 8;
export const MEMORY_FD = 9;
/** Where a clone reads the devices' state. */
export const STATE_FD = 10;
/** Paths in the jail, the same for every guest, so that arguments do not differ between a template and its clones. */
export const JAIL_PATHS = {
  kernel: '/kernel',
  initrd: '/initrd',
  base: '/base.ext4',
  /** A disk of the guest's own. */
  root: '/root.disk',
  input: '/input.squashfs',
  /** The operator's mirror. */
  mirror: '/mirror.disk',
  state: '/state',
} as const;

/** Size of every input disk; a clone's disk must be as large as the placeholder that its template saw. */
export const INPUT_DISK_BYTES = 4 * 1024 ** 3;

const READ_ONLY = 'format=raw,readonly=on,file.locking=off';
/** The format is always said: QEMU must never guess it from what a guest wrote. */
const ROOT_DRIVES: Record<RootDisk, string> = {
  shared: `${READ_ONLY},file=${JAIL_PATHS.base}`,
  copy: `format=raw,cache=unsafe,file.locking=off,file=${JAIL_PATHS.root}`,
  delta: `format=qcow2,cache=unsafe,file.locking=off,backing.file.locking=off,file=${JAIL_PATHS.root}`,
};

/** QEMU's own filter of system calls, with everything denied that it can deny. */
export const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

const CHANNELS = ['control', 'log', 'output', 'service'] as const;

/**
 * QEMU's command line after the program's name. No network, no balloon, no folder sharing, no default devices
 * (docs/decisions/0006-machine.md). Pure.
 */
export function qemuArguments(shape: MachineShape, memory: MemorySource, root: RootDisk = 'shared'): string[] {
  return [
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-sandbox', SANDBOX],
    ['-M', `${machine(shape)}${memory.kind === 'own' ? '' : ',memory-backend=ram0'}`],
    accelerator(shape),
    ['-m', String(shape.memoryMiB), '-smp', String(shape.cpus)],
    memoryArguments(shape, memory),
    kernelArguments(shape, memory, root),
    ['-global', 'virtio-mmio.force-legacy=false'],
    disk('base', ROOT_DRIVES[root], 'rennet-base'),
    disk('input', `${READ_ONLY},file=${JAIL_PATHS.input}`, 'rennet-in'),
    shape.mirrorBytes === undefined ? [] : disk('mirror', `${READ_ONLY},file=${JAIL_PATHS.mirror}`, 'rennet-mirror'),
    // Bounded: QEMU holds all bytes that one request asks for, and a guest may ask for 4 GiB (docs/decisions/0015-hostile-guests.md).
    ['-object', 'rng-builtin,id=rng', '-device', 'virtio-rng-device,rng=rng,max-bytes=65536,period=1000'],
    ['-device', 'virtio-serial-device,max_ports=5'],
    CHANNELS.flatMap((name) => [
      '-chardev',
      `socket,id=${name},fd=${CHANNEL_FDS[name]}`,
      '-device',
      `virtserialport,chardev=${name},name=rennet.${name},id=${name}`,
    ]),
    // Only the kernel's own complaints go there; the log has its own, quicker channel.
    ['-chardev', `socket,id=console,fd=${CHANNEL_FDS.console}`, '-serial', 'chardev:console'],
    memory.kind === 'own' ? [] : ['-chardev', `socket,id=qmp,fd=${QMP_FD}`, '-mon', 'chardev=qmp,mode=control'],
  ].flat();
}

/** The smallest machine of each architecture; on both the devices are of virtio-mmio (virt: 32 places, told by its device tree). */
function machine({ architecture, accelerator: by }: MachineShape): string {
  return architecture === 'amd64' ? 'microvm,rtc=on' : `virt,gic-version=${by === 'kvm' ? 'host' : '3'}`;
}

/** Signing pointers is slow where it is emulated (QEMU's manual, "Arm CPU Features"), and nothing here asks for it. */
const EMULATED_CPU: Record<MachineArchitecture, string> = { amd64: 'max', arm64: 'max,pauth=off' };

/** Without virtualization in the guest: the host's code for it is a large surface, and nothing here asks for it. Arm's `virt` has none unless told. */
const HOST_CPU: Record<MachineArchitecture, string> = { amd64: 'host,vmx=off,svm=off', arm64: 'host' };

function accelerator(shape: MachineShape): string[] {
  return shape.accelerator === 'kvm'
    ? ['-accel', 'kvm', '-cpu', HOST_CPU[shape.architecture]]
    : // A small translation buffer keeps QEMU small; 64 MiB hold what a build runs.
      ['-accel', 'tcg,tb-size=64', '-cpu', EMULATED_CPU[shape.architecture]];
}

function memoryArguments(shape: MachineShape, memory: MemorySource): string[] {
  if (memory.kind === 'own') return [];
  const share = memory.kind === 'template' ? 'on' : 'off';
  return [
    [
      '-object',
      `memory-backend-file,id=ram0,size=${shape.memoryMiB}M,mem-path=/proc/self/fd/${MEMORY_FD},share=${share}`,
    ],
    // What to restore is told over QMP: x-ignore-shared can be set there only (QEMU 7.2). It runs when it is told to, at once or later.
    memory.kind === 'clone' ? ['-incoming', 'defer', '-S'] : [],
  ].flat();
}

/**
 * A clone has its kernel in the template's memory already. `microvm` restores without the files, which saves 14 MiB a guest: QEMU keeps them for a firmware
 * that does not run. The machine of arm64 is told them all the same: not tried without.
 */
function kernelArguments(shape: MachineShape, memory: MemorySource, root: RootDisk): string[] {
  if (memory.kind === 'clone' && shape.architecture === 'amd64') return [];
  const files = ['-kernel', JAIL_PATHS.kernel, '-initrd', JAIL_PATHS.initrd];
  return [...files, '-append', kernelCommandLine(shape, memory, root)];
}

const KERNEL_OPTIONS: Record<MachineArchitecture, string> = {
  amd64: 'console=ttyS0 quiet panic=-1 reboot=t',
  arm64: 'console=ttyAMA0 quiet panic=-1',
};

/**
 * Emulated vector instructions make OpenSSL's SHA-2 two to four times slower than its plain code (no AVX, AVX2, SSSE3: OPENSSL_ia32cap(3)), and all output is
 * hashed. The kernel hands what it does not know to the first program as environment; jobs get an environment of their own.
 */
const PLAIN_OPENSSL = 'OPENSSL_ia32cap=~0x1000020000000000:~0x20';

/** By a guess a guest's clock runs wrong from its hello on; without one its kernel may never start. */
const GUESSED_KHZ = 2_000_000;

function kernelCommandLine(shape: MachineShape, memory: MemorySource, root: RootDisk): string {
  // On a loaded host the calibration of the clock hangs under emulation ("Unable to calibrate against PIT"). With KVM the hypervisor tells the rate.
  const isEmulated = shape.architecture === 'amd64' && shape.accelerator === 'tcg';
  const emulated = isEmulated ? ` tsc_early_khz=${shape.tscKhz ?? GUESSED_KHZ} ${PLAIN_OPENSSL}` : '';
  return `${KERNEL_OPTIONS[shape.architecture]}${emulated}${memory.kind === 'own' ? '' : ' rennet.warm'}${root === 'shared' ? '' : ' rennet.disk'}`;
}

function disk(id: string, drive: string, serial: string): string[] {
  return [
    ['-drive', `if=none,id=${id},${drive}`],
    ['-device', `virtio-blk-device,drive=${id},serial=${serial}`],
  ].flat();
}
