import { createHash } from 'node:crypto';
import type { SuiteSettings } from '../host/settings.ts';
import type { Image } from '../model/machine.ts';
import { OPTIONAL_MODULES, WANTED_MODULES } from './modules.ts';
import { type MachineArchitecture, machineArchitecture, type Target } from '../model/target.ts';

export type ImageKind = Image['kind'];
export const IMAGE_KINDS: readonly ImageKind[] = ['build', 'runtime'];

/**
 * What each kind of image holds besides the essential packages of the suite. The certificates are here because their bundle is written by
 * a maintainer script, which no layer runs; `requests` of trixie reads it when it is imported.
 */
const PACKAGES: Record<ImageKind, readonly string[]> = {
  build: ['python3', 'python3-dev', 'gcc', 'g++', 'make', 'dpkg-dev', 'ca-certificates'],
  runtime: ['python3', 'ca-certificates'],
};

/** Parts of the standard library that some suites split off; installed where the suite has them. */
const WHERE_THERE: Record<ImageKind, readonly string[]> = {
  build: ['python3-distutils', 'python3-lib2to3'],
  runtime: [],
};

/** Debian's cloud kernel. */
const KERNELS: Record<MachineArchitecture, string> = {
  amd64: 'linux-image-cloud-amd64',
  arm64: 'linux-image-cloud-arm64',
};

/** Not needed by any job: saves a third of the space. Copyright files stay. */
const PATH_RULES = [
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
];

/** What a template reads once so that clones share the pages; find(1) takes them without globbing. */
export const WARM_PATHS: Record<ImageKind, readonly string[]> = {
  build: ['/usr/lib', '/usr/bin', '/usr/include', '/usr/share/perl', '/usr/share/dpkg'],
  runtime: ['/usr/lib', '/usr/bin', '/usr/sbin', '/var/lib/dpkg'],
};

/** The meta package of the kernel of a target's machines: the operator's, else Debian's. */
export function kernelPackage(target: Target, settings: SuiteSettings): string {
  const machine = machineArchitecture(target);
  return settings.kernel[machine] ?? KERNELS[machine];
}

/** Releases whose kernel is one package; later ones, and Ubuntu's, keep modules (and the kernel itself) in packages of their own. */
const KERNEL_IN_ONE = new Set(['linux-image-cloud-amd64 bookworm', 'linux-image-cloud-amd64 trixie']);

/** Further packages of the kernel, by what it depends on: `linux-modules-6.8.0-31-generic`. */
const kernelParts = (options: string): string =>
  `$(apt-cache${options} depends "$kernel" | sed -n 's/^ *Depends: \\(linux-[a-z-]*-[0-9].*\\)/\\1/p')`;

/**
 * Runs in the chroot's apt: the kernel that the meta package stands for, and a static busybox for the initrd. For an i386 root both
 * are amd64's: apt is told so on its command line, with lists of its own, so that the root's dpkg never hears of amd64.
 */
function fetchKernel(target: Target, meta: string): string {
  const machine = machineArchitecture(target);
  const foreign = [
    `APT::Architecture=${machine}`,
    `APT::Architectures=${machine}`,
    'Dir::State::Lists=$1/rennet-debs/lists',
    'Dir::Etc::SourceList=$1/rennet-debs/machine.sources',
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
  ];
  const isOther = machine !== target.architecture;
  const options = isOther ? foreign.map((option) => ` -o ${option}`).join('') : '';
  const parts = KERNEL_IN_ONE.has(`${meta} ${target.suite}`) ? '' : ` ${kernelParts(options)}`;
  return [
    'set -e',
    'mkdir "$1/rennet-debs"',
    'cd "$1/rennet-debs"',
    // Only customize hooks are given it under apt's own name.
    ...(runsHere(target) ? [] : ['export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"']),
    ...(isOther
      ? [
          'mkdir -p lists/partial',
          `sed 's/^Architectures: .*/Architectures: ${machine}/' "$1"/etc/apt/sources.list.d/*.sources >machine.sources`,
          `apt-get --quiet${options} update`,
        ]
      : []),
    `kernel=$(apt-cache${options} depends --no-recommends --no-suggests ${meta} | sed -n 's/^ *Depends: \\(linux-image-[0-9].*\\)/\\1/p' | head -n 1)`,
    'test -n "$kernel"',
    `apt-get --quiet${options} download "$kernel"${parts} busybox-static`,
    ...(isOther ? ['rm -r lists machine.sources'] : []),
  ].join('; ');
}

/** Traces of the host, and rules that must not apply to what a job installs. */
export const CLEAN = [
  'set -e',
  'rm -f "$1/etc/resolv.conf" "$1/etc/apt/apt.conf.d/99mmdebstrap"',
  'echo localhost >"$1/etc/hostname"',
  ': >"$1/etc/machine-id"',
  'rm -rf "$1"/var/log/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old "$1/etc/apt/sources.list.d" "$1/etc/apt/sources.list"',
  'echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
  'mkdir -p "$1/rennet/in" "$1/rennet/out" "$1/rennet/job" "$1/usr/lib/rennet"',
].join('; ');

/** Where nothing is configured nobody merges /usr later; packages that ship the links themselves agree. */
const MERGE_USR =
  'cd "$1"; for name in bin sbin lib; do test -e $name || { mkdir -p usr/$name; ln -s usr/$name $name; }; done';

/** True where this host's processor runs what the packages of a target do when they are installed. */
export function runsHere(target: Target, host: string = process.arch): boolean {
  return { amd64: 'x64', arm64: 'arm64' }[machineArchitecture(target)] === host;
}

/** Arguments of mmdebstrap(1) without mode, output and sources. `debs`: where the build image's run leaves kernel and busybox. Pure. */
export function mmdebstrapArguments(
  kind: ImageKind,
  target: Target,
  settings: SuiteSettings,
  debs: string,
  aptOptions: readonly string[],
): string[] {
  const isForeign = !runsHere(target);
  const kernelHooks =
    kind === 'build'
      ? [
          fetchKernel(target, kernelPackage(target, settings)),
          `copy-out /rennet-debs ${debs}`,
          'rm -r "$1/rennet-debs"',
        ]
      : [];
  // What the target's processor must do is done in a guest (foreign.ts): here the packages are only unpacked, and kept.
  const keepDebs = [`copy-out /var/cache/apt/archives ${debs}/${kind}`, 'rm -f "$1"/var/cache/apt/archives/*.deb'];
  const hooks = isForeign
    ? [...kernelHooks, ...keepDebs].map((hook) => `--extract-hook=${hook}`)
    : [...kernelHooks, CLEAN].map((hook) => `--customize-hook=${hook}`);
  return [
    ...(isForeign
      ? [
          '--variant=extract',
          `--setup-hook=${MERGE_USR}`,
          '--include=?essential',
          '--include=?exact-name(usr-is-merged)',
        ]
      : ['--variant=essential']),
    '--format=tar',
    `--architectures=${target.architecture}`,
    // It would ask arch-test whether an amd64 host can run i386; the root's first program tells.
    ...(target.architecture === 'i386' ? ['--skip=check/qemu'] : []),
    `--include=${PACKAGES[kind].join(',')}`,
    // An apt pattern: a name that the suite does not have is no error then.
    ...WHERE_THERE[kind].map((name) => `--include=?and(?exact-name(${name}),?not(?virtual))`),
    ...['APT::Install-Recommends "false"', 'Acquire::Languages "none"', ...aptOptions].map((it) => `--aptopt=${it}`),
    ...[...PATH_RULES, 'force-unsafe-io'].map((rule) => `--dpkgopt=${rule}`),
    ...hooks,
    target.suite,
  ];
}

/** Names everything that decides what a base holds, apart from what the mirror has on the day. Pure. */
export function recipeDigest(target: Target, settings: SuiteSettings): string {
  const text = IMAGE_KINDS.map((kind) => mmdebstrapArguments(kind, target, settings, '', []));
  const modules = [...WANTED_MODULES, ...OPTIONAL_MODULES];
  return createHash('sha256')
    .update(JSON.stringify([text, modules]))
    .digest('hex');
}
