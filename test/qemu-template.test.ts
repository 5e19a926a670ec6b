import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockFile } from '../src/host/lock.ts';
import { type Keeper, openKeeper } from '../src/machine/keeper.ts';
import { chooseAccelerator, kvmSelfTest } from '../src/machine/qemu/accelerator.ts';
import { createFreshness } from '../src/machine/protocol.ts';
import { type Claim, MACHINE_MIB } from '../src/machine/capacity.ts';
import { createQemuDriver } from '../src/machine/qemu/driver.ts';
import { livingClaims } from '../src/machine/qemu/room.ts';
import { findQemu } from '../src/machine/qemu/program.ts';
import { createTemplateStore } from '../src/machine/qemu/template-store.ts';
import { TEMPLATE_PARTS, type TemplateNote, dropMemories } from '../src/machine/qemu/template-record.ts';
import { tryClone } from '../src/machine/qemu/template-trial.ts';
import { ensureTemplate, listTemplates, shapeOf, verifyTemplates } from '../src/machine/qemu/template.ts';
import type { GuestReport, Image } from '../src/model/machine.ts';
import { GUEST_LIMITS as limits } from './support/guest-limits.ts';
import { machineState as state, testImages } from './support/images.ts';
import { backend, SCENARIOS } from './support/machine-scenarios.ts';
import { writeBuildInput } from './support/sdist.ts';
import { descendants, isAlive } from './support/traces.ts';

const signal = new AbortController().signal;
/** What two clones would share if nobody made them different. */
const IDENTITY = backend(`
import uuid
print('random', os.urandom(16).hex())
print('uuid', uuid.uuid4())
print('machine', open('/etc/machine-id').read().strip())
print('names', *os.environ)
print('clock', time.time(), flush=True)
return wheel(wheel_directory)`);
const TICKS = backend(`
for _ in range(5):
    print('tick', time.monotonic(), flush=True)
    time.sleep(1)
return wheel(wheel_directory)`);
/** Writes over much of its memory, and leaves canaries that it must not find itself. */
const WRITER = backend(`
held = [os.urandom(1 << 20) for number in range(200)]
for place in ('/tmp', '/var/tmp', '/dev/shm', '/build/home'):
    path = os.path.join(place, 'canary')
    assert not os.path.exists(path), path
    try:
        open(path, 'wb').write(held[0])
    except OSError:
        pass
assert os.path.exists('/tmp/canary')
return wheel(wheel_directory)`);

let folder = '';
let image: Image;
let keeper: Keeper;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rennet-template-'));
  image = (await testImages(['disk'])).build;
  keeper = await openKeeper(state, signal);
}, 600_000);
afterAll(async () => {
  keeper.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  expect(await descendants()).toEqual(new Set());
});

const newDriver = () =>
  createQemuDriver({ state, accelerator: 'tcg', templates: createTemplateStore(state, () => {}) });

async function request() {
  const accelerator = await chooseAccelerator('tcg', image, state, signal);
  return { image, accelerator, qemu: await findQemu(state), shape: shapeOf(accelerator, limits) };
}

async function template() {
  return ensureTemplate(await request(), { state, keeper, progress: () => {} }, signal);
}

async function run(code: string, driver = newDriver(), onLog?: (bytes: Uint8Array) => void): Promise<GuestReport> {
  const place = await mkdtemp(join(folder, 'guest-'));
  const spool = join(place, 'spool');
  await mkdir(spool);
  await writeBuildInput(join(place, 'input'), { backend: code });
  const job = { id: 'test', image, reset: 'memory', input: join(place, 'input'), spool, limits } as const;
  return driver.run(onLog ? { ...job, onLog } : job, signal);
}

describe('memory templates', () => {
  test('a clone is tried with a whole build, and one that drew the random bytes of another is refused', async () => {
    const made = await template();
    await tryClone(made, await request(), state, createFreshness(), signal);
    const stale = { isFresh: () => false };
    await expect(tryClone(made, await request(), state, stale, signal)).rejects.toMatchObject({
      code: 'template-failed',
      message: expect.stringContaining('random bytes were seen'),
    });
  });

  test('clones differ in randomness, identity and clock, and none sees another', async () => {
    const driver = newDriver();
    /** The host's clock when each guest told its own. */
    const heardAt: number[] = [];
    const identify = (guest: number): Promise<GuestReport> =>
      run(IDENTITY, driver, (bytes) => {
        if (Buffer.from(bytes).includes('clock ')) heardAt[guest] = Date.now() / 1000;
      });
    const reports = [...(await Promise.all([identify(0), identify(1)])), await identify(2)];
    const seen: Record<string, string>[] = [];
    for (const report of reports) {
      expect(report).toMatchObject({ end: 'result', reset: 'memory', isolation: 'emulated' });
      const log = await readFile(report.log, 'utf8');
      seen.push(
        Object.fromEntries(
          [...log.matchAll(/^(random|uuid|machine|names|clock) (.+)$/gm)].map((it) => [it[1] ?? '', it[2] ?? '']),
        ),
      );
    }
    for (const name of ['random', 'uuid', 'machine']) {
      expect(seen.every((it) => (it[name] ?? '').length >= 32)).toBe(true);
      expect(new Set(seen.map((it) => it[name])).size).toBe(3);
    }
    // What the kernel hands to the agent (arguments.ts) is not a build's.
    for (const { names = '' } of seen) expect(names).toMatch(/^(?=.*\bPATH\b)(?!.*OPENSSL)/);
    // A clone whose clock was not set is behind by the age of its template, 9 s at least: a template is older than its trials.
    for (const [guest, it] of seen.entries())
      expect(Math.abs(Number(it['clock']) - (heardAt[guest] ?? 0))).toBeLessThan(4);
  });

  // Log lines may be late on a busy host, never by a wrong rate three times.
  test("the clock of a clone runs as fast as the host's", { retry: 2 }, async () => {
    const heard: { guest: number; host: number }[] = [];
    await run(TICKS, newDriver(), (bytes) => {
      for (const [, guest] of Buffer.from(bytes)
        .toString()
        .matchAll(/^tick (.+)$/gm))
        heard.push({ guest: Number(guest), host: performance.now() / 1000 });
    });
    const [first, last] = [heard[0], heard.at(-1)];
    if (first === undefined || last === undefined) throw new Error('no tick was heard');
    expect((last.guest - first.guest) / (last.host - first.host)).toBeCloseTo(1, 1);
  });

  test('a clone that writes all over its memory changes nothing in the template, and no later clone sees it', async () => {
    const { key } = await template();
    const before = await keeper.digestMemory(`${key}.memory`);
    expect(await run(WRITER)).toMatchObject({ end: 'result', reset: 'memory', result: { status: 'ok' } });
    expect(await keeper.digestMemory(`${key}.memory`)).toBe(before);
    expect((await verifyTemplates(state, signal)).find((it) => it.key === key)).toEqual({ key, intact: true });
    expect(await run(WRITER)).toMatchObject({ reset: 'memory', result: { status: 'ok' } });
  });

  test('nobody can write to a sealed template, root included', async () => {
    const { key } = await template();
    const kept = await keeper.findMemory(`${key}.memory`);
    if (kept === undefined) throw new Error('the template is not there');
    expect(kept.sealed).toBe(true);
    const fd = openSync(`/proc/${keeper.pid}/fd/${kept.fd}`, 'r+');
    try {
      expect(() => writeSync(fd, 'x', 0)).toThrow(/EPERM/);
    } finally {
      closeSync(fd);
    }
  });

  test('a template survives its keeper', async () => {
    const before = (await template()).key;
    const digest = await keeper.digestMemory(`${before}.memory`);
    process.kill(keeper.pid, 'SIGKILL');
    const said: string[] = [];
    const store = createTemplateStore(state, ({ doing }) => said.push(doing));
    const driver = createQemuDriver({ state, accelerator: 'tcg', templates: store });
    expect(await run(IDENTITY, driver)).toMatchObject({ end: 'result', reset: 'memory' });
    expect(said.some((it) => it.startsWith('loading the template'))).toBe(true);
    expect(said.some((it) => it.startsWith('booting'))).toBe(false);
    keeper = await openKeeper(state, signal);
    expect(await keeper.digestMemory(`${before}.memory`)).toBe(digest);
  });

  test('a broken template costs a boot, never a job, and is gone afterwards', async () => {
    const { key } = await template();
    for (const part of ['memory', 'state']) {
      const name = `${key}.${part}`;
      const { note, bytes } = (await keeper.findMemory(name)) ?? { note: undefined, bytes: 0 };
      await keeper.dropMemory(name);
      await keeper.createMemory(name, bytes);
      await keeper.sealMemory(name, note, await keeper.digestMemory(name));
    }
    const driver = newDriver();
    const booted = await run(IDENTITY, driver);
    // Two clones that did not come up, then a boot.
    expect(booted).toMatchObject({ end: 'result', reset: 'overlay', tries: 3, result: { status: 'ok' } });
    expect(await keeper.findMemory(`${key}.memory`)).toBeUndefined();
    // The next guest gets a new one.
    expect(await run(IDENTITY, driver)).toMatchObject({ end: 'result', reset: 'memory', result: { status: 'ok' } });
  });

  test.each([
    ['with another QEMU', { qemu: '1.0 (another host)' }, 'was made with QEMU 1.0 (another host)'],
    ['by another clock', { cpu: 'counter of 1 kHz' }, 'was made on a host with another processor'],
  ])('a kept template that was made %s is not used, it is said, and it goes', async (_, other, sentence) => {
    const { key } = await template();
    const files = join(state.templates, key);
    const note = JSON.parse(await readFile(join(files, 'template.json'), 'utf8')) as TemplateNote;
    const foreign = { ...note, ...other, key: 'f'.repeat(64) };
    const place = join(state.templates, foreign.key);
    await rename(files, place);
    await writeFile(join(place, 'template.json'), JSON.stringify(foreign));
    await dropMemories(key, keeper);
    const said: string[] = [];
    const told: Promise<Claim[]>[] = [];
    const progress = ({ doing }: { doing: string }): void => {
      said.push(doing);
      if (doing.startsWith('freezing')) told.push(livingClaims(state, 'unmeasured'));
    };
    expect(await ensureTemplate(await request(), { state, keeper, progress }, signal)).toMatchObject({ key });
    expect(said).toContainEqual(expect.stringContaining(`${sentence}; a new one is made`));
    expect((await listTemplates(state)).map((it) => it.key)).not.toContain(foreign.key);
    // While it is made, others on this host see what it may take.
    const claims = (await Promise.all(told)).flat().map(({ memoryMiB }) => memoryMiB);
    expect(claims).toContain(limits.memoryMiB + MACHINE_MIB);
  });

  test('an old template serves on while a new one is made, and where none can be made', async () => {
    const { key, madeAt } = await template();
    const long = new Date(Date.now() - 25 * 3600 * 1000).toISOString();
    const files = join(state.templates, key);
    const note = {
      ...(JSON.parse(await readFile(join(files, 'template.json'), 'utf8')) as TemplateNote),
      madeAt: long,
    };
    for (const part of TEMPLATE_PARTS) {
      await keeper.dropMemory(`${key}.${part}`);
      await keeper.createMemory(`${key}.${part}`, 0);
      await keeper.loadMemory(`${key}.${part}`, join(files, part));
      await keeper.sealMemory(`${key}.${part}`, note, note[part]);
    }
    const busy = await lockFile(join(state.run, `template-${key.slice(0, 16)}.lock`), signal);
    expect(await template()).toMatchObject({ key, madeAt: long });
    await busy.release();

    const aside = `${files}.aside`;
    await rename(files, aside);
    const said: string[] = [];
    const progress = ({ doing }: { doing: string }): void => void said.push(doing);
    const broken = { ...(await request()), qemu: { ...(await findQemu(state)), path: '/usr/bin/false' } };
    expect(await ensureTemplate(broken, { state, keeper, progress }, signal)).toMatchObject({ key, madeAt: long });
    expect(said.at(-1)).toContain(`the template of ${long} stays in use`);
    await rename(aside, files);

    expect(await template()).toMatchObject({ key, madeAt });
    expect((await keeper.listMemories()).filter(({ name }) => name.startsWith('new-'))).toEqual([]);
    expect((await run(IDENTITY)).reset).toBe('memory');
  });

  test.each(['memory', 'overlay'])('kill -9 of rennet leaves no QEMU: %s', async (reset) => {
    await template();
    const place = await mkdtemp(join(folder, 'killed-'));
    await writeBuildInput(join(place, 'input'), SCENARIOS.neverEnds);
    const rennet = spawn(
      process.execPath,
      [join(import.meta.dirname, 'support/run-qemu-guest.ts'), JSON.stringify({ image, folder: place, limits, reset })],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(rennet.stdout, 'data'); // the guest's log: it runs
    const guests = [...(await descendants(rennet.pid))];
    expect(guests.length).toBeGreaterThan(0);
    rennet.kill('SIGKILL');
    await once(rennet, 'exit');
    for (let tries = 0; tries < 500 && (await anyAlive(guests)); tries += 1) await sleep(20);
    expect(await anyAlive(guests)).toBe(false);
  });
});

describe('KVM', () => {
  test('what asks for KVM gets KVM or an error; automatic choice says what it took', async () => {
    const kvm = await kvmSelfTest(image, state, signal);
    expect((await kvmSelfTest(image, state, signal, 'afresh')).state).toBe(kvm.state);
    const automatic = await chooseAccelerator('auto', image, state, signal);
    const chosen = chooseAccelerator('kvm', image, state, signal);
    if (kvm.state === 'works') {
      expect((await chosen).accelerator).toBe('kvm');
      expect(automatic.accelerator).toBe('kvm');
    } else {
      await expect(chosen).rejects.toMatchObject({ code: kvm.state === 'missing' ? 'kvm-missing' : 'kvm-broken' });
      expect(automatic).toMatchObject({ accelerator: 'tcg', sentence: expect.stringContaining(kvm.sentence) });
    }
  });
});

async function anyAlive(pids: readonly number[]): Promise<boolean> {
  return (await Promise.all(pids.map((pid) => isAlive(pid)))).includes(true);
}
