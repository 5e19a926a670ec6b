import { existsSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { hostTarget } from '../debian/apt-host.ts';
import { openAptRoot } from '../debian/apt.ts';
import { listImages, readyImages } from '../image/index.ts';
import { findKeeper } from '../machine/keeper.ts';
import { kvmSelfTest } from '../machine/qemu/accelerator.ts';
import { describeHost, type HostDescription } from '../machine/qemu/host.ts';
import { probeJail } from '../machine/qemu/jail-probe.ts';
import { findQemu } from '../machine/qemu/program.ts';
import { listTemplates } from '../machine/qemu/template.ts';
import { hostTscKhz } from '../machine/qemu/tsc.ts';
import type { Progress } from '../model/progress.ts';
import type { StateFolder } from '../model/state.ts';
import { formatTarget } from '../model/target.ts';
import { readIndexSettings } from '../python/settings.ts';
import { serverPid } from '../store/database-stop.ts';
import type { Finding } from './finding.ts';
import { jailLayers } from './jail-layers.ts';
import { capacityForBuilds } from './jobs.ts';
import { asRennetError } from './run-command.ts';
import { formatBytes } from './status-line.ts';

/** Programs that Rennet starts, with the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ...(process.arch === 'arm64'
    ? { 'qemu-system-aarch64': 'qemu-system-arm' }
    : { 'qemu-system-x86_64': 'qemu-system-x86' }),
  'qemu-img': 'qemu-utils',
  bwrap: 'bubblewrap',
  mmdebstrap: 'mmdebstrap',
  mksquashfs: 'squashfs-tools',
  mke2fs: 'e2fsprogs',
  gpg: 'gpg',
  gpgv: 'gpgv',
  xz: 'xz-utils',
  setpriv: 'util-linux',
  flock: 'util-linux',
  unshare: 'util-linux',
  python3: 'python3',
};

/** What one build wants at the same time: two images, two templates, one guest. */
const WANTED = { memoryMiB: 3072, tmpfsMiB: 2048, stateMiB: 4096 };

/** Looks at everything a build needs on this host, quick things first; boots a guest only to try KVM. */
export async function* examineHost(
  state: StateFolder,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  yield* programs();
  yield* crates();
  progress({ doing: 'looking at this host' });
  const host = await describeHost(state);
  yield* memory(host);
  yield await stateSpace(state);
  yield await kvm(host, state, progress, signal);
  yield await settled('guest clock', () => guestClock(state));
  yield* isolation(host, state);
  yield await settled('room', () => room(state));
  yield await settled('index', async () => {
    const { indexUrl } = await readIndexSettings(state.cache, signal);
    return { what: 'index', state: 'good', sentence: `pip's settings name ${indexUrl}` };
  });
  yield await settled('mirror', async () => {
    const target = await hostTarget(signal);
    await openAptRoot(target, state, signal);
    return {
      what: 'mirror',
      state: 'good',
      sentence: `apt's sources have the official archive for ${formatTarget(target)}`,
    };
  });
  yield* made(state);
  yield await running(state);
}

async function* programs(): AsyncGenerator<Finding> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter((it) => it !== '');
  const missing: string[] = [];
  for (const program of Object.keys(PROGRAMS)) {
    const found = await Promise.any(folders.map((folder) => access(join(folder, program)))).then(
      () => true,
      () => false,
    );
    if (!found) missing.push(program);
  }
  if (missing.length === 0)
    yield { what: 'programs', state: 'good', sentence: `${Object.keys(PROGRAMS).length} programs are there` };
  else
    yield {
      what: 'programs',
      state: 'bad',
      sentence: `missing: ${missing.join(', ')}`,
      mend: `apt-get install ${[...new Set(missing.map((program) => PROGRAMS[program]))].join(' ')}`,
    };
}

/** Only releases with Rust in them want it, so that a host without it is no bad one. */
async function* crates(): AsyncGenerator<Finding> {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((it) => it !== '');
  const found = await Promise.any(folders.map((folder) => access(join(folder, 'cargo')))).then(
    () => true,
    () => false,
  );
  if (found) yield { what: 'crates', state: 'good', sentence: 'cargo is there, for releases with Rust in them' };
  else
    yield {
      what: 'crates',
      state: 'limited',
      sentence: 'no cargo, so that releases with Rust in them cannot be built',
      mend: 'apt-get install cargo-web || apt-get install cargo',
    };
}

function* memory({ memory: { totalMiB, availableMiB }, tmpfs, cpus }: HostDescription): Generator<Finding> {
  yield {
    what: 'memory',
    state: availableMiB >= WANTED.memoryMiB ? 'good' : 'bad',
    sentence: `${availableMiB} MiB of ${totalMiB} MiB available, ${cpus} processors`,
    ...(availableMiB >= WANTED.memoryMiB ? {} : { mend: `end something: a build wants ${WANTED.memoryMiB} MiB` }),
  };
  const fits = tmpfs.isMemory && tmpfs.freeMiB >= WANTED.tmpfsMiB;
  yield {
    what: 'memory folder',
    state: fits ? 'good' : 'bad',
    sentence: tmpfs.isMemory
      ? `${tmpfs.freeMiB} MiB of ${tmpfs.sizeMiB} MiB free in ${tmpfs.folder}`
      : `${tmpfs.folder} is no tmpfs`,
    ...(fits ? {} : { mend: `mount -o remount,size=${WANTED.tmpfsMiB * 2}M ${tmpfs.folder}` }),
  };
}

async function stateSpace(state: StateFolder): Promise<Finding> {
  let folder = state.root;
  for (;;) {
    const found = await statfs(folder).catch(() => undefined);
    if (found) {
      const bytes = found.bavail * found.bsize;
      const enough = bytes >= WANTED.stateMiB * 1024 * 1024;
      const sentence = `${state.root}: ${formatBytes(bytes)} free`;
      if (enough) return { what: 'state folder', state: 'good', sentence };
      return {
        what: 'state folder',
        state: 'bad',
        sentence,
        mend: `free ${WANTED.stateMiB} MiB there, or name another folder with --state`,
      };
    }
    folder = join(folder, '..');
  }
}

const LOAD_KVM =
  'modprobe kvm_intel, or kvm_amd; where that fails, allow virtualization in the firmware, or nested virtualization in the host that this is a guest of';

/** Only emulated guests depend on it. */
async function guestClock(state: StateFolder): Promise<Finding> {
  const what = 'guest clock';
  const khz = await hostTscKhz(state);
  if (khz !== undefined)
    return { what, state: 'good', sentence: `emulated guests keep time by this host's counter, ${khz / 1000} MHz` };
  const sentence =
    "the rate of this host's counter cannot be measured: clocks of emulated amd64 guests run too fast or too slow";
  return { what, state: 'limited', sentence };
}

/** Believes in KVM only when the real kernel of an image came up on it before a deadline. */
async function kvm(
  host: HostDescription,
  state: StateFolder,
  progress: Progress,
  signal: AbortSignal,
): Promise<Finding> {
  if (host.qemuVersion === '')
    return {
      what: 'machines',
      state: 'bad',
      sentence: 'QEMU is not installed',
      mend: `apt-get install ${process.arch === 'arm64' ? 'qemu-system-arm' : 'qemu-system-x86'}`,
    };
  let known = host.kvm;
  // Whoever asks the doctor may just have mended it.
  const isOpen = known.state === 'untested' || known.state === 'broken';
  const images = isOpen ? await readyImages(await hostTarget(signal), state) : undefined;
  if (images) {
    progress({ doing: 'booting a guest on KVM, with a deadline' });
    known = await kvmSelfTest(images.build, state, signal, 'afresh');
  }
  const version = host.qemuVersion.split(' ')[0] ?? '';
  if (known.state === 'works')
    return {
      what: 'machines',
      state: 'good',
      on: true,
      sentence: `QEMU ${version} on KVM: isolation hardware. ${known.sentence}`,
    };
  if (known.state === 'untested')
    return {
      what: 'machines',
      state: 'limited',
      sentence: `QEMU ${version}. ${known.sentence}`,
      mend: 'rennet image build, then rennet doctor again',
    };
  return {
    what: 'machines',
    state: 'limited',
    on: false,
    sentence: `QEMU ${version} without KVM: isolation emulated, slower and no security boundary by QEMU's policy. ${known.sentence}`,
    ...(known.state === 'missing' && !existsSync('/dev/kvm') ? { mend: LOAD_KVM } : {}),
  };
}

/** Each layer around QEMU, by starting it. */
async function* isolation(host: HostDescription, state: StateFolder): AsyncGenerator<Finding> {
  if (process.getuid?.() !== 0)
    yield host.userNamespaces
      ? { what: 'user namespaces', state: 'good', sentence: 'an ordinary user may make them, so QEMU gets its jail' }
      : {
          what: 'user namespaces',
          state: 'bad',
          sentence: 'an ordinary user may not make them, so QEMU would have no jail',
          mend: 'sysctl kernel.unprivileged_userns_clone=1, or run as root',
        };
  if (host.qemuVersion === '') return;
  try {
    const { path } = await findQemu(state);
    yield* jailLayers(await probeJail(path, state));
  } catch (error) {
    yield { what: 'jail', state: 'bad', sentence: `it could not be tried: ${asRennetError(error).message}` };
  }
}

async function room(state: StateFolder): Promise<Finding> {
  const { guests, advised, sentence } = await capacityForBuilds(
    { driver: 'qemu', reset: 'memory', tests: false },
    state,
  );
  if (guests > 0) return { what: 'room', state: 'good', sentence: `${sentence}; ${advised} by default` };
  const mend = 'give it memory, or let one build run at a time: it starts where its guest alone fits';
  return { what: 'room', state: 'limited', sentence, mend };
}

async function* made(state: StateFolder): AsyncGenerator<Finding> {
  const images = await listImages(state);
  yield images.length > 0
    ? {
        what: 'images',
        state: 'good',
        sentence: [...new Set(images.map((it) => `${formatTarget(it.target)} ${it.kind}`))].join(', '),
      }
    : { what: 'images', state: 'limited', sentence: 'none yet; the first build makes them (about a minute)' };
  const templates = await listTemplates(state);
  yield templates.length > 0
    ? {
        what: 'templates',
        state: 'good',
        sentence: templates
          .map((it) => `${it.kind}${it.inMemory ? ` in memory, ${formatBytes(it.usedBytes)}` : ' on disk'}`)
          .join('; '),
      }
    : { what: 'templates', state: 'limited', sentence: 'none yet; the first build boots and saves them' };
}

async function running(state: StateFolder): Promise<Finding> {
  const [keeper, database] = await Promise.all([findKeeper(state), serverPid(state)]);
  keeper?.close();
  const named = [
    keeper ? `the keeper of templates (process ${keeper.pid})` : '',
    database === undefined ? '' : `the private PostgreSQL (process ${database})`,
  ].filter((it) => it !== '');
  const sentence =
    named.length === 0 ? 'nothing' : `${named.join(' and ')}; both end when idle for 30 minutes, or with rennet stop`;
  return { what: 'stays running', state: 'good', sentence };
}

async function settled(what: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    const { message, hint } = asRennetError(error);
    return { what, state: 'bad', sentence: message, ...(hint === '' ? {} : { mend: hint }) };
  }
}
