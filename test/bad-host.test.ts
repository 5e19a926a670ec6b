import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { databaseAddress } from '../src/store/database-url.ts';
import { aptNames } from './support/aftermath.ts';
import { type EndedCommand, expectAttempt, expectError, rennet } from './support/command.ts';
import { type DemoIndex, startDemoIndex } from './support/demo-index.ts';
import { type DemoState, freshState, stateWithImages } from './support/demo-state.ts';

// What a host can lack. Mounts are made in a private mount namespace, so that only the command under test sees them.

/** The first test on a machine makes the images. */
const MAKING_IMAGES_MS = 600_000;
let index: DemoIndex;
/** Has the images, one published package and a running database. */
let demo: DemoState;
const open: DemoState[] = [];
beforeAll(async () => {
  [index, demo] = await Promise.all([startDemoIndex(), stateWithImages()]);
  await index.add({ project: 'rennet-first' });
  expectAttempt(await build('rennet-first', namespace), 'published', 0);
}, MAKING_IMAGES_MS);
afterEach(async () => {
  for (const other of open.splice(0)) await other.close();
});
afterAll(async () => {
  await demo.close();
  await index.close();
});

const isRoot = process.getuid?.() === 0;
const namespace = ['--driver', 'namespace', '--allow-unisolated'];
const qemu = ['--driver', 'qemu', '--reset', 'overlay'];

function build(project: string, driver: readonly string[], mounts = ':', run?: string): Promise<EndedCommand> {
  const env = { ...index.env, TMPDIR: demo.temporary };
  return rennet(['build', project, ...driver, ...demo.args], { env, wrap: seeing(mounts, run) });
}

/** A command that sees these mounts. Root needs no user namespace, which a user has for it. */
function seeing(mounts: string, run = 'exec "$@"'): string[] {
  const own = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  const script = `set -e; { ${mounts}; } >&2; ${run}`;
  return ['unshare', ...own, '--propagation', 'private', 'sh', '-c', script, 'sh'];
}

async function newState(): Promise<DemoState> {
  const other = await freshState('empty');
  open.push(other);
  return other;
}

describe('bad usage: one error, status 2, and nothing is made', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['an unknown option', 'bad-usage', ['build', 'ftfy', '--fast']],
    ['an unknown command', 'bad-usage', ['constructor']],
    ['no project', 'bad-usage', ['build']],
    ['more jobs than any host has room for', 'bad-usage', ['build', 'ftfy', '--jobs', '500']],
    ['an unknown driver', 'bad-usage', ['build', 'ftfy', '--driver', 'fake']],
    ['a bad specifier', 'bad-specifier', ['build', 'ftfy=1']],
    ['a bad target', 'bad-target', ['build', 'ftfy', '--target', 'Bad suite/amd64']],
    ['an unknown architecture', 'bad-target', ['plan', 'ftfy', '--target', 'bookworm/sparc']],
    ['no isolation', 'not-isolated', ['build', 'ftfy', '--driver', 'namespace']],
    ['a path for a name', 'bad-usage', ['build', '../x']],
    ['a path behind a name', 'bad-usage', ['plan', 'ftfy', 'x/../../y']],
    ['a long name', 'bad-usage', ['build', 'a'.repeat(300)]],
    ['a name with control characters', 'bad-usage', ['build', '\u001b[31mftfy\u0007\u202e']],
    ['such a name asked for', 'bad-usage', ['why', '\u001b]0;title\u0007ftfy\u009b']],
    ['such an option', 'bad-usage', ['build', 'ftfy', '--\u001b[31mred']],
  ];
  test.each(cases)('%s', async (_what, code, args) => {
    const other = await newState();
    const unmade = join(dirname(other.state.root), 'unmade');
    const asked = index.asked.length;
    const ended = await rennet([...args, '--state', unmade], { env: index.env });
    const { hint } = expectError(ended, code, 2);
    expect(hint).not.toBe('');
    expect(ended.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(await readdir(dirname(unmade))).not.toContain('unmade');
    expect(index.asked).toHaveLength(asked);
  });
});

describe('a state folder that cannot be used', () => {
  test('one from a newer version is left alone', async () => {
    const { state, args } = await newState();
    await writeFile(state.versionFile, '99\n');
    const { sentence, hint } = expectError(await rennet(['list', ...args]), 'state-newer', 3);
    expect(sentence).toContain(state.root);
    expect(hint).toMatch(/^Update Rennet/);
    expect(await readdir(state.root)).toEqual(['version']);
  });

  test('one whose database a newer version has changed is left alone', async () => {
    const { state, args } = await newState();
    expect((await rennet(['list', ...args])).status).toBe(0);
    const client = new pg.Client((await databaseAddress(state)).config);
    await client.connect();
    await client.query(`insert into kysely_migration values ('999-later', '')`);
    await client.end();
    expect(expectError(await rennet(['list', ...args]), 'state-newer', 3).hint).toMatch(/^Update Rennet/);
  });

  test('one that an ordinary user may not write', async () => {
    const { state } = await newState();
    const user = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : [];
    const missing = join(dirname(state.root), 'other');
    for (const root of [missing, state.root]) {
      await chmod(dirname(root), 0o555);
      await chmod(state.root, 0o555);
      const ended = await rennet(['list', '--state', root], { wrap: user });
      await chmod(dirname(root), 0o755);
      expect(expectError(ended, 'state-unwritable', 3).hint).toContain('--state');
    }
    expect(await readdir(dirname(missing))).not.toContain('other');
    expect(await readdir(state.root)).toEqual([]);
  });

  test.each([
    ['a place where no folder can be', '/proc/rennet'],
    ['a folder of somebody else', '/etc'],
    ['a file', '/etc/hostname'],
  ])('%s', async (_what, root) => {
    expectError(await rennet(['list', '--state', root]), 'state-unwritable', 3);
  });
});

describe('no space', () => {
  const small = (folder: string, size: string) => `mount -t tmpfs -o size=${size},mode=755 tmpfs ${folder}`;

  test('in a new state folder: said before anything is made', async () => {
    const { state, args } = await newState();
    const ended = await rennet(['list', ...args], { wrap: seeing(small(state.root, '8m')) });
    const { sentence } = expectError(ended, 'no-space', 3);
    expect(sentence).toMatch(/needs \d+ MiB in \S+, which has \d+ MiB left\.$/);
  });

  test.each([
    ['while downloading', 'cache', '48k'],
    ['while storing the package', 'blobs', '16k'],
    ['while working', 'attempts', '48k'],
  ] as const)('%s: nothing is published, and it goes on when there is space again', async (_when, part, size) => {
    const project = `rennet-${part}`;
    await index.add({ project, ballast: 200_000 });
    const ended = await build(project, namespace, small(demo.state[part], size));
    const { hint } = expectError(ended, 'no-space', 3);
    expect(hint).not.toBe('');
    expectAttempt(ended, 'infrastructure', 3);
    expect(await aptNames(demo)).not.toContain(`python3-${project}`);
    expectAttempt(await build(project, namespace), 'published', 0);
    expect(await aptNames(demo)).toContain(`python3-${project}`);
  });

  test('in the archive: what was there stays, and the next start publishes what is recorded', async () => {
    await index.add({ project: 'rennet-archive', ballast: 200_000 });
    const keep = join(dirname(demo.state.root), 'keep');
    await mkdir(keep);
    const { archive } = demo.state;
    const copy = `mount --bind ${archive} ${keep}; ${small(archive, '8m')}; cp -a ${keep}/. ${archive}; umount ${keep}`;
    const mounts = `${copy}; head -c 9000000 /dev/zero >${archive}/filler || true`;
    const ended = await build('rennet-archive', namespace, mounts);
    expectError(ended, 'no-space', 3);
    expectAttempt(ended, 'infrastructure', 3);
    const before = await aptNames(demo);
    expect(before).toContain('python3-rennet-first');
    expect(before).not.toContain('python3-rennet-archive');
    const list = await rennet(['list', ...demo.args]);
    expect(list.stderr).toContain('is published again after an interruption, with python3-rennet-archive 1.0');
    expect(await aptNames(demo)).toEqual([...before, 'python3-rennet-archive'].toSorted());
  });

  test('in /dev/shm', async () => {
    await index.add({ project: 'rennet-shm' });
    // The keeper of this namespace would stay in it, where nobody finds it again.
    const stop = `"$1" "$2" "$3" "$4" stop ${demo.args.join(' ')} >&2`;
    const run = `status=0; "$@" || status=$?; ${stop}; exit $status`;
    const ended = await build('rennet-shm', namespace, small('/dev/shm', '16m'), run);
    const { sentence } = expectError(ended, 'no-space', 3);
    expect(sentence).toMatch(/needs \d+ MiB in \S+, which has \d+ MiB left\.$/);
  });
});

describe('real machines', () => {
  /** What the host says that it has left; the real one has more. */
  const available = async (mib: number): Promise<string> => {
    const meminfo = join(demo.temporary, 'meminfo');
    const text = await readFile('/proc/meminfo', 'utf8');
    await writeFile(meminfo, text.replace(/^MemAvailable:.*$/m, `MemAvailable:     ${mib * 1024} kB`));
    return `mount --bind ${meminfo} /proc/meminfo; rm ${meminfo}`;
  };
  /** The keeper of a mount namespace would stay in it, where nobody finds it again. */
  const stopAfter = () =>
    `status=0; "$@" || status=$?; "$1" "$2" "$3" "$4" stop ${demo.args.join(' ')} >&2; exit $status`;

  test('too little memory for a guest', async () => {
    await index.add({ project: 'rennet-memory' });
    const ended = await build('rennet-memory', [...qemu, '--accelerator', 'tcg'], await available(100));
    const { sentence, hint } = expectError(ended, 'no-memory', 3);
    expect(sentence).toMatch(/needs \d+ MiB of memory, of which this host has 100 MiB left\.$/);
    expect(hint).not.toBe('');
    expectAttempt(ended, 'infrastructure', 3);
  });

  test('enough memory for a guest, too little for its template: the guest boots, and no job is lost', async () => {
    await index.add({ project: 'rennet-template' });
    const memory = ['--driver', 'qemu', '--accelerator', 'tcg'];
    const ended = await build('rennet-template', memory, await available(2500), stopAfter());
    expectAttempt(ended, 'published', 0);
    expect(ended.stderr).toMatch(
      /no template: A template needs 2816 MiB of memory, of which this host has \d+ MiB left\./,
    );
    // That of the check is for a guest of half the size.
    expect(ended.stderr).not.toContain('booting the template of the build image');
    expect(ended.stderr).toContain('booting the template of the runtime image');
  });

  test("no room for a guest's files in memory", async () => {
    await index.add({ project: 'rennet-disk' });
    const slots = join(demo.state.memory, 'slots');
    await mkdir(slots, { recursive: true });
    const ended = await build('rennet-disk', qemu, `mount -t tmpfs -o size=8m tmpfs ${slots}`);
    const { sentence, hint } = expectError(ended, 'no-space', 3);
    expect(sentence).toMatch(/^A guest's input disk needs \d+ MiB in \S+, which has 8 MiB left\.$/);
    expect(hint).not.toBe('');
    expectAttempt(ended, 'infrastructure', 3);
    expectAttempt(await build('rennet-disk', qemu), 'published', 0);
  });

  /** A /dev with all that is needed but KVM. */
  const noKvm = `mkdir $TMPDIR/dev; mount -t tmpfs -o mode=755 tmpfs $TMPDIR/dev; mkdir $TMPDIR/dev/shm $TMPDIR/dev/pts
    for name in null zero full random urandom tty; do : >$TMPDIR/dev/$name; mount --bind /dev/$name $TMPDIR/dev/$name; done
    mount --rbind /dev/shm $TMPDIR/dev/shm; mount --rbind $TMPDIR/dev /dev; umount -l $TMPDIR/dev; rmdir $TMPDIR/dev
    for fd in stdin:0 stdout:1 stderr:2; do ln -s /proc/self/fd/\${fd#*:} /dev/\${fd%:*}; done; ln -s /proc/self/fd /dev/fd`;
  /** Opens, and then does nothing that KVM does. */
  const brokenKvm = `${noKvm}; : >/dev/kvm`;

  test('no /dev/kvm, and KVM asked for', async () => {
    await index.add({ project: 'rennet-kvm' });
    const ended = await build('rennet-kvm', [...qemu, '--accelerator', 'kvm'], noKvm);
    expect(expectError(ended, 'kvm-missing', 3).hint).toContain('--accelerator');
    expectAttempt(ended, 'infrastructure', 3);
  });

  test('a broken /dev/kvm, and KVM asked for', async () => {
    await index.add({ project: 'rennet-kvm' });
    const ended = await build('rennet-kvm', [...qemu, '--accelerator', 'kvm'], brokenKvm);
    const { sentence, hint } = expectError(ended, 'kvm-broken', 3);
    // QEMU's own words for a device that does not answer KVM_GET_API_VERSION.
    expect(sentence).toMatch(/^\/dev\/kvm is there but does not boot a kernel: .*kvm version too old\.$/);
    expect(hint).toContain('--accelerator');
    expectAttempt(ended, 'infrastructure', 3);
  });

  test('a /dev/kvm with which QEMU hangs in silence: given up at the deadline, and named', async () => {
    await index.add({ project: 'rennet-kvm' });
    // In the place of QEMU in its jail; what was found out about the broken one does not count.
    const silence = `${brokenKvm}; printf '#!/bin/sh\\nexec sleep infinity\\n' >$TMPDIR/silence; chmod 755 $TMPDIR/silence
      mount --bind $TMPDIR/silence /usr/bin/bwrap; rm $TMPDIR/silence`;
    await rm(join(demo.state.run, 'kvm.json'), { force: true });
    const ended = await build('rennet-kvm', [...qemu, '--accelerator', 'kvm'], silence);
    const { sentence } = expectError(ended, 'kvm-broken', 3);
    expect(sentence).toBe('/dev/kvm is there but does not boot a kernel: the guest hangs in silence.');
    expectAttempt(ended, 'infrastructure', 3);
  });

  test('no /dev/kvm, and nothing asked for: emulated, and said so', async () => {
    await index.add({ project: 'rennet-emulated' });
    const ended = await build('rennet-emulated', qemu, noKvm);
    expect(expectAttempt(ended, 'published', 0)).toMatchObject({ isolation: 'emulated' });
    expect(ended.stderr).toContain('Isolation: emulated. This host has no /dev/kvm.');
  });
});
