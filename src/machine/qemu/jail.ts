import type { Image, MirrorDisk } from '../../model/machine.ts';
import { JAIL_PATHS } from './arguments.ts';
import { systemCallFilter } from './system-calls.ts';

/** Files of the host that one guest may read, beside QEMU itself. */
export interface JailFiles {
  readonly kernel: string;
  readonly initrd: string;
  readonly base: string;
  readonly input: string;
  /** The operator's mirror, where the machine has a disk for it. */
  readonly mirror?: string | undefined;
  /** A disk of the guest's own, which it may write to. */
  readonly root?: string;
  /** Folder for the socket that takes the devices' state; only where a template is made. */
  readonly state?: string;
}

export interface JailOptions {
  readonly files: JailFiles;
  /** Own uid and gid of the guest's slot where we are root; undefined: a user namespace of our own. */
  readonly uid: number | undefined;
  /** Group that may open /dev/kvm; undefined without KVM. */
  readonly kvmGroup: number | undefined;
  /** Bound on QEMU's address space. */
  readonly addressSpaceMiB: number;
  /** How large a file may become that QEMU writes: 0 where it has no disk of its own. */
  readonly fileBytes: number;
  readonly qemu: string;
  /** Files of the guest's control group (cgroup.ts) that its first process joins by; none: rlimits only. */
  readonly joinFiles: readonly string[];
  /** The highest of the descriptors that QEMU inherits; those above it are closed. */
  readonly lastDescriptor: number;
}

/** The files of a machine that is made from an image. */
export function filesOf(image: Image, input: string, mirror?: MirrorDisk): JailFiles {
  return { kernel: image.kernel, initrd: image.initrd, base: image.disk, input, mirror: mirror?.path };
}

/** Where bwrap reads the filter: above all that QEMU inherits, below what bash takes for itself. */
const FILTER_FD = 20;
/**
 * Joins before anything else runs, so that no process of the guest was ever outside; a group that cannot be joined is no start. Then closes
 * what whoever started rennet had open and left open for its children: Node passes that on. Last it opens the filter of system calls, given as
 * printf's escapes, for bwrap, which reads and closes it. bash, because sh of Debian knows descriptors up to 9 only.
 */
const START = `last=$1 filter=$2; shift 2
while [ "$1" != -- ]; do echo $$ >"$1" || exit; shift; done; shift
for open in /proc/self/fd/*; do open=\${open##*/}; if ((open > last)); then exec {open}>&-; fi; done
[ -z "$filter" ] || exec ${FILTER_FD}< <(printf %b "$filter")
exec "$@"`;
const LIBRARIES = '/usr/lib';
const FIRMWARE = ['/usr/share/qemu', '/usr/share/seabios'];

/**
 * The command that runs QEMU in its jail: own user, no capabilities, no new privileges, empty network, own mount, pid, ipc and uts
 * namespaces, a root that holds only QEMU, its libraries and firmware, rlimits, a filter of system calls. Inherited descriptors up to the last one pass through. When the launcher
 * dies, bwrap dies (by setpriv from the first moment, then by `--die-with-parent`), and with it the pid namespace and QEMU, whatever user it runs as. Pure.
 */
export function jailed(options: JailOptions, qemuArguments: readonly string[]): string[] {
  const { files, uid } = options;
  const filter = systemCallFilter();
  return [
    [
      'setpriv',
      '--pdeathsig',
      'KILL',
      'bash',
      '-c',
      START,
      'bash',
      String(options.lastDescriptor),
      escaped(filter),
      ...options.joinFiles,
      '--',
    ],
    [
      'prlimit',
      '--core=0',
      '--nofile=512',
      `--fsize=${options.fileBytes}`,
      `--as=${options.addressSpaceMiB * 1024 * 1024}`,
    ],
    ['bwrap', '--die-with-parent', '--new-session', '--clearenv', '--unshare-pid', '--unshare-net', '--unshare-ipc'],
    ['--unshare-uts', '--unshare-cgroup-try', ...(filter === undefined ? [] : ['--seccomp', String(FILTER_FD)])],
    uid === undefined
      ? ['--unshare-user']
      : ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP'].flatMap((it) => ['--cap-add', it]),
    // Parents that bwrap makes by itself are closed to the slot's user.
    ['/usr', '/usr/bin', '/usr/share'].flatMap((folder) => ['--dir', folder]),
    ['--ro-bind', LIBRARIES, LIBRARIES, '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64'],
    ['--ro-bind-try', '/usr/lib64', '/usr/lib64'],
    FIRMWARE.flatMap((folder) => ['--ro-bind-try', folder, folder]),
    ['--ro-bind', options.qemu, options.qemu],
    uid === undefined ? [] : ['--ro-bind', '/usr/bin/setpriv', '/usr/bin/setpriv'],
    // /proc: QEMU opens the template's memory as /proc/self/fd/N, of this pid namespace only.
    ['--proc', '/proc', '--dev', '/dev'],
    options.kvmGroup === undefined ? [] : ['--dev-bind', '/dev/kvm', '/dev/kvm'],
    (['kernel', 'initrd', 'base', 'input'] as const).flatMap((name) => ['--ro-bind', files[name], JAIL_PATHS[name]]),
    files.mirror === undefined ? [] : ['--ro-bind', files.mirror, JAIL_PATHS.mirror],
    files.root === undefined ? [] : ['--bind', files.root, JAIL_PATHS.root],
    files.state === undefined ? [] : ['--ro-bind', files.state, JAIL_PATHS.state],
    ['--chdir', '/', '--'],
    uid === undefined ? [] : dropTo(uid, options.kvmGroup),
    [options.qemu, ...qemuArguments],
  ].flat();
}

/** Bytes as printf of bash takes them. */
const escaped = (bytes: Buffer | undefined): string =>
  bytes === undefined ? '' : bytes.toString('hex').replaceAll(/../g, String.raw`\x$&`);

function dropTo(uid: number, kvmGroup: number | undefined): string[] {
  const groups = kvmGroup === undefined ? '--clear-groups' : `--groups=${kvmGroup}`;
  const nothing = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  return ['/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${uid}`, groups, ...nothing, '--'];
}
