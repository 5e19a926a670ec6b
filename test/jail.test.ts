import { chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copySparse } from '../src/host/files.ts';
import type { Image } from '../src/model/machine.ts';
import { type StateFolder, stateFolder } from '../src/model/state.ts';
import { GUEST_LIMITS as limits } from './support/guest-limits.ts';
import { until } from './support/aftermath.ts';
import { rennet } from './support/command.ts';
import { testImages } from './support/images.ts';
import { SCENARIOS } from './support/machine-scenarios.ts';
import { writeBuildInput } from './support/sdist.ts';

// The jail around QEMU as the doctor finds it, for root and for an ordinary user, who has no capability and nothing but user namespaces. Run as root
// the tests take a user that nobody is.

const isRoot = process.getuid?.() === 0;
const UID = isRoot ? 1_073_000_000 + (process.pid % 100_000) : (process.getuid?.() ?? 0);
const AS_USER = isRoot
  ? ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--']
  : [];

let folder = '';
let state: StateFolder;
beforeAll(async () => {
  const [file, ...args] = [...AS_USER, 'test', '-x', process.execPath];
  if ((await execa(file, args, { reject: false })).failed)
    throw new Error(
      'These tests run Rennet as another user, who cannot enter this checkout: put it where others may read it.',
    );
  folder = await mkdtemp(join(tmpdir(), 'rennet-user-'));
  state = stateFolder(join(folder, 'state'));
  await mkdir(state.run, { recursive: true });
  for (const path of [folder, state.root, state.run]) await chown(path, UID, UID);
});
afterAll(async () => {
  await rm(state.memory, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

/** Processes of the made-up user; of a real one there are others. */
async function itsProcesses(): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    const status = /^\d+$/.test(name) ? await readFile(`/proc/${name}/status`, 'utf8').catch(() => '') : '';
    if (new RegExp(`^Uid:\\t${UID}\\t`, 'm').test(status) && !/^State:\tZ/m.test(status))
      found.push(status.slice(0, 60));
  }
  return found;
}

/** The image as files of the made-up user: those of the tests' state may lie in a home folder that no one else enters. */
async function itsOwn(image: Image): Promise<Image> {
  const copy = async (name: 'disk' | 'kernel' | 'initrd'): Promise<string> => {
    const own = join(folder, name);
    await copySparse(image[name], own, new AbortController().signal);
    await chown(own, UID, UID);
    return own;
  };
  return { ...image, disk: await copy('disk'), kernel: await copy('kernel'), initrd: await copy('initrd') };
}

/** Layers by name, on or off, and their sentences. */
async function askDoctor(wrap: readonly string[], { root }: StateFolder) {
  const env = { HOME: folder, USER: undefined, LOGNAME: undefined };
  const ended = await rennet(['doctor', '--state', root], { wrap, env });
  const layers = ended.events.filter(({ what }) => String(what).startsWith('jail'));
  const on = Object.fromEntries(layers.map(({ what, on: holds }) => [String(what).slice('jail: '.length), holds]));
  const sentences = layers.map(({ sentence }) => String(sentence));
  for (const sentence of sentences) expect(sentence).toMatch(/^(on|off): .{10,}/);
  return { on, sentences };
}

const WHOLE = {
  'own user': true,
  'no capabilities': true,
  'no new privileges': true,
  'no network': true,
  namespaces: true,
  'root file system': true,
  rlimits: true,
  'system calls': true,
  'control group': expect.any(Boolean) as boolean, // as this host allows
  'sealed template': true,
};

test('as an ordinary user: each layer but a user of its own', async () => {
  const { on, sentences } = await askDoctor(AS_USER, state);
  expect(on).toEqual({ ...WHOLE, 'own user': false });
  const without = sentences.find((it) => it.startsWith('off: an ordinary user'));
  expect(without).toContain(`QEMU is user ${UID}, in a user namespace`);
  if (isRoot) expect(await itsProcesses()).toEqual([]);
});

test.runIf(isRoot)('as root: each layer, with a user that nobody else is', async () => {
  const own = stateFolder(join(folder, 'of-root'));
  await mkdir(own.run, { recursive: true });
  const { on, sentences } = await askDoctor([], own);
  await rm(own.memory, { recursive: true, force: true });
  expect(on).toEqual(WHOLE);
  expect(sentences[0]).toMatch(/^on: QEMU is user 199\d{7}, /);
});

test('a guest of an ordinary user boots, one is cloned, each builds, and nothing is left', async () => {
  const image = await itsOwn((await testImages(['disk'])).build);
  const jobs = [];
  for (const reset of ['overlay', 'memory']) {
    const [input, spool] = [join(folder, `${reset}-input`), join(folder, `${reset}-spool`)];
    await mkdir(spool);
    await chown(spool, UID, UID);
    await writeBuildInput(input, SCENARIOS.succeeds);
    jobs.push({ id: `user-${reset}`, image, reset, input, spool, limits });
  }
  const script = join(import.meta.dirname, 'support/run-as-user.ts');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script, state.root, JSON.stringify(jobs)];
  const [file = '', ...args] = [...AS_USER, ...node];
  const { stdout } = await execa(file, args, { env: { HOME: folder }, stdin: 'ignore', cwd: '/' });
  const reports = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  const good = { end: 'result', sentence: expect.any(String) as string, status: 'ok', isolation: 'emulated' };
  expect(reports).toMatchObject([
    { ...good, reset: 'overlay' },
    { ...good, reset: 'memory' },
  ]);
  // The keeper closes its socket and then ends.
  if (isRoot) await until(async () => (await itsProcesses()).length === 0);
  expect(await readdir(join(state.memory, 'slots'))).toEqual([]);
  expect((await readdir(join(state.memory, 'slot-locks'))).filter((name) => name !== 'free.lock')).toEqual([]);
});
