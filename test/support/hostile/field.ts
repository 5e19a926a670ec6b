import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { sha256OfFile } from '../../../src/host/files.ts';
import { createDriver } from '../../../src/machine/create.ts';
import { createFakeDriver } from '../../../src/machine/fake/fake-driver.ts';
import { openKeeper } from '../../../src/machine/keeper.ts';
import { createNamespaceDriver } from '../../../src/machine/namespace/namespace-driver.ts';
import { listTemplates } from '../../../src/machine/qemu/template.ts';
import { removeTemplate } from '../../../src/machine/qemu/template-list.ts';
import type {
  DriverName,
  GuestJob,
  GuestLimits,
  GuestReport,
  Image,
  MachineDriver,
} from '../../../src/model/machine.ts';
import { machineState as state, testImages } from '../images.ts';
import { SCENARIOS } from '../machine-scenarios.ts';
import { type TestBuild, writeBuildInput } from '../sdist.ts';
import { descendants } from '../traces.ts';
import { expectNothingLeft, FIRST_SLOT_UID, lookBefore, type Watch, watchProcesses } from './aftermath.ts';
import { type Attack, verdictOf } from './attack.ts';
import { hostileImage } from './image.ts';

const signal = new AbortController().signal;
/** A hostile guest is small, so that its template is cheap; no other test has this size, so it takes no other template's place. */
const HOSTILE_MIB = 320;
const HONEST_MIB = 768;
/** How long another rennet of this host may keep a slot that an attack had used. */
const SLOT_MS = 300_000;
const MAX_AT_ONCE = 6;
export const LIMITS: GuestLimits = {
  wallMs: 30_000,
  idleMs: 20_000,
  memoryMiB: HOSTILE_MIB,
  cpus: 1,
  outputBytes: 10_000_000,
  logBytes: 1_000_000,
  outputFiles: 10,
  processes: 200,
};

/** Where hostile guests of one driver run, and what must be true after each. */
export interface Field {
  readonly name: DriverName;
  /** Whether this driver has such guests. */
  has(attack: Attack): boolean;
  /** One hostile guest; its end is one of the safe ones. */
  attack(attack: Attack, job?: Partial<GuestJob>, signal?: AbortSignal): Promise<GuestReport>;
  /** One honest guest; it succeeds and finds nothing of anyone before it. */
  honest(job?: Partial<GuestJob>, build?: TestBuild): Promise<GuestReport>;
  /** Runs `work`, then looks: nothing is left, templates and images are what they were, and the next guest of each slot used is clean. */
  unharmed<T>(work: () => Promise<T>): Promise<T>;
  /** The hostile image, for a rennet of its own that a test kills. */
  readonly image: Image;
  /** How many guests ran. */
  count(): { hostile: number; honest: number };
  close(): Promise<void>;
}

export async function openField(name: DriverName): Promise<Field> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
  const images = await imagesOf(name, folder);
  const real = realDriver(name);
  const driverOf = (attack: Attack): MachineDriver => real ?? fake(attack);
  const guarded = name === 'qemu' ? await guardTemplates(images) : undefined;
  const counts = { hostile: 0, honest: 0 };

  const start = async (
    driver: MachineDriver,
    image: Image,
    job: Partial<GuestJob>,
    fill: (input: string) => Promise<void>,
    until = signal,
  ) => {
    const place = await mkdtemp(join(folder, 'guest-'));
    const [input, spool] = [join(place, 'input'), join(place, 'spool')];
    await mkdir(spool);
    await fill(input);
    const limits = job.limits ?? LIMITS;
    const report = await driver.run(
      { id: 'hostile', image, reset: name === 'qemu' ? 'memory' : 'overlay', input, spool, limits, ...job },
      until,
    );
    expect((await readdir(spool)).toSorted()).toEqual(['log', 'output']);
    expect((await stat(report.log)).size).toBeLessThanOrEqual(limits.logBytes);
    expect((await stat(report.output)).size).toBeLessThanOrEqual(limits.outputBytes);
    expect(report.sentence).toMatch(report.end === 'result' ? /^$/ : /^[^\p{Cc}\p{Cf}]{10,600}$/u);
    return report;
  };

  const field: Field = {
    name,
    has: (attack) => ({ qemu: attack.guest, fake: attack.fake, namespace: attack.package })[name] !== undefined,
    async attack(attack, job = {}, until = signal) {
      counts.hostile += 1;
      const onReady = attack.whenReady && ((pid: number) => void onMachine(pid, attack.whenReady));
      const chosen = {
        // The name of its job tells the guest what to do.
        ...(name === 'qemu' ? { id: JSON.stringify({ arguments: {}, ...attack.guest }) } : {}),
        limits: { ...LIMITS, ...attack.limits },
        ...(attack.reset ? { reset: attack.reset } : {}),
        ...(attack.channel ? { channel: attack.channel } : {}),
        ...(onReady ? { onReady } : {}),
        ...job,
      };
      const report = await start(
        driverOf(attack),
        images.hostile,
        chosen,
        (input) => writeAttack(input, attack),
        until,
      );
      const told = `${report.sentence}\n${(await readFile(report.log, 'latin1')).slice(-2000)}`;
      expect(attack.safe, told).toContain(verdictOf(report));
      await attack.judge?.(report);
      return report;
    },
    async honest(job = {}, build = SCENARIOS.leavesCanaries) {
      counts.honest += 1;
      const limits = { ...LIMITS, wallMs: 180_000, idleMs: 60_000, memoryMiB: HONEST_MIB };
      const driver = real ?? createFakeDriver(() => SCENARIOS.leavesCanaries.guest);
      const report = await start(driver, images.honest, { limits, ...job }, (input) => writeBuildInput(input, build));
      expect(report, await readFile(report.log, 'latin1')).toMatchObject({ end: 'result', result: { status: 'ok' } });
      return report;
    },
    async unharmed(work) {
      const before = await lookBefore(state);
      const watch = watchProcesses();
      const given = await work();
      const seen = watch.stop();
      await expectNothingLeft(state, folder, before, seen);
      await guarded?.expectIntact();
      await expectCleanSlots(field, watch);
      await expectNothingLeft(state, folder, before, seen);
      return given;
    },
    image: images.hostile,
    count: () => counts,
    async close() {
      await real?.close();
      await guarded?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (name === 'qemu') {
    // Makes both templates, and opens what stays open: the lease on the keeper.
    await field.honest();
    await field.attack({
      does: 'waits',
      safe: ['limit time'],
      limits: { wallMs: 100 },
      guest: { module: 'protocol', name: 'silent' },
    });
    await guarded?.begin();
  }
  return field;
}

function realDriver(name: DriverName): MachineDriver | undefined {
  if (name === 'qemu') return createDriver('qemu', { state, accelerator: 'tcg' });
  return name === 'namespace' ? createNamespaceDriver() : undefined;
}

function fake({ fake: guest }: Attack): MachineDriver {
  return createFakeDriver(() => guest ?? {});
}

async function imagesOf(name: DriverName, folder: string): Promise<{ honest: Image; hostile: Image }> {
  if (name === 'fake') return { honest: {} as Image, hostile: {} as Image };
  const { build } = await testImages([name === 'qemu' ? 'disk' : 'folder']);
  return { honest: build, hostile: name === 'qemu' ? await hostileImage(build, folder) : build };
}

/** The input folder: an honest job, so that a template of a hostile image passes its trial, and what the attacker brings. */
async function writeAttack(input: string, attack: Attack): Promise<void> {
  await writeBuildInput(input, { backend: attack.package ?? SCENARIOS.succeeds.backend });
  if (attack.archive) await writeFile(join(input, 'archive'), await attack.archive());
}

async function onMachine(pid: number, act: Attack['whenReady']): Promise<void> {
  await act?.([...(await descendants(pid))]);
}

/** The slots that the work used: an honest guest comes to each, if need be beside others that take the slots before it. */
async function expectCleanSlots(field: Field, { uids }: Watch): Promise<void> {
  if (field.name !== 'qemu') return void (await field.honest());
  const wanted = new Set(uids);
  // Slots are given out from the first on; those of other rennets of this host come and go meanwhile.
  for (const deadline = Date.now() + SLOT_MS; wanted.size > 0 && Date.now() < deadline; ) {
    const watch = watchProcesses();
    await Promise.all(Array.from({ length: slotsUpTo(wanted) }, () => field.honest()));
    watch.stop();
    for (const uid of watch.uids) wanted.delete(uid);
  }
  expect([...wanted]).toEqual([]);
}

/** One guest takes the first slot; a slot further on is reached where there are guests in those before it. */
function slotsUpTo(wanted: ReadonlySet<number>): number {
  return Math.min(MAX_AT_ONCE, Math.max(...wanted) - FIRST_SLOT_UID + 1);
}

/** Templates of both images: their digests as they were made, and that the keeper still has them. Base disk, kernel and initrd: as on disk. */
async function guardTemplates({ honest, hostile }: { honest: Image; hostile: Image }) {
  const keeper = await openKeeper(state, signal);
  const files = [honest.disk, honest.kernel, honest.initrd, hostile.initrd];
  const ours = async () =>
    (await listTemplates(state)).filter(
      ({ image, shape }) =>
        (image === hostile.digest && shape.memoryMiB === HOSTILE_MIB) ||
        (image === honest.digest && shape.memoryMiB === HONEST_MIB),
    );
  let digests: readonly string[] = [];
  let notes: Awaited<ReturnType<typeof ours>> = [];
  const expectMemories = async (): Promise<void> => {
    for (const { key, memory, state: devices } of notes) {
      const found = await Promise.all(['memory', 'state'].map((part) => keeper.digestMemory(`${key}.${part}`)));
      expect(found).toEqual([memory, devices]);
    }
  };
  return {
    async begin() {
      notes = await ours();
      expect(notes).toHaveLength(2);
      digests = await Promise.all(files.map((path) => sha256OfFile(path)));
    },
    expectIntact: expectMemories,
    async close() {
      await expectMemories();
      expect(await Promise.all(files.map((path) => sha256OfFile(path)))).toEqual(digests);
      for (const { key } of (await ours()).filter(({ image }) => image === hostile.digest))
        await removeTemplate(key, state, keeper);
      keeper.close();
    },
  };
}
