import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeGuestLeftovers } from '../../../src/machine/leftovers.ts';
import { describeHost } from '../../../src/machine/qemu/host.ts';
import type { GuestReport } from '../../../src/model/machine.ts';
import { allGone } from '../aftermath.ts';
import { machineState as state } from '../images.ts';
import { SCENARIOS } from '../machine-scenarios.ts';
import { narrow } from '../narrow.ts';
import { writeBuildInput } from '../sdist.ts';
import { descendants, leftovers } from '../traces.ts';
import { type Attack, type GuestCode, type Verdict, verdictOf } from './attack.ts';
import { type Field, LIMITS } from './field.ts';

/** How much of everything: a little in CI, what the issue of the machines promises in the long run. */
const COUNTS = { fast: { clones: 5, boots: 2 }, long: { clones: 200, boots: 30 } } as const;
const PATIENT = { wallMs: 300_000, idleMs: 300_000 };

const attack = (module: GuestCode['module'], name: string, args: object, more: Partial<Attack> = {}): Attack => ({
  does: name,
  safe: ['limit time', 'limit idle', 'limit log', 'limit output', 'limit memory', 'power-off', 'result', 'forged'],
  guest: { module, name, arguments: { ...args } },
  limits: { wallMs: 5000, idleMs: 5000 },
  ...more,
});
const MIXED: readonly Attack[] = [
  attack('resources', 'fork_bomb', {}),
  attack('protocol', 'endless_log', { piece: 'x\n' }),
  attack('protocol', 'busy', {}),
  attack('machine', 'poke_slots', { seed: 11 }),
  attack('protocol', 'endless_output', {}),
  attack('resources', 'panic', { seconds: 0 }),
  attack('protocol', 'phases_without_end', {}),
  attack('resources', 'halt_processor', {}),
];
const say = (text: string): void => void process.stdout.write(`hostile guests: ${text}\n`);

/** What single attacks do not show: guests one after another, and a rennet that is killed. */
export function describeSequences(field: () => Field, extent: keyof typeof COUNTS): void {
  const counts = COUNTS[extent];

  test('a canary in memory, on file systems and on disks is not there for the next guest', async () => {
    const canary = randomBytes(32);
    // The search itself must not hold what it looks for in one piece: it gets the complement.
    const code = Buffer.from(canary.map((byte) => 255 - byte)).toString('base64');
    const whole = extent === 'long';
    const search = (planted: boolean): Promise<GuestReport> =>
      field().attack({
        ...attack('world', 'search', { canary: code, whole, planted }),
        safe: ['result'],
        limits: PATIENT,
      });
    await field().unharmed(async () => {
      const left = await field().attack({
        ...attack('world', 'plant', { canary: code, mib: 150 }),
        safe: ['result'],
        limits: PATIENT,
      });
      expect(left.result?.facts).toEqual({ MiB: 150 });
      const after = (await search(false)).result?.facts as Record<'memory' | 'disks' | 'readMiB', number>;
      expect(after).toMatchObject({ memory: 0, disks: 0 });
      expect(after.readMiB).toBeGreaterThan(LIMITS.memoryMiB * 0.9);
      // The same search finds what is there.
      const own = (await search(true)).result?.facts as { memory: number };
      expect(own.memory).toBeGreaterThan(100);
    });
  });

  test('QEMU that grows past its bound is ended as a memory limit', async () => {
    const { cgroups } = await describeHost(state);
    const grows = attack(
      'resources',
      'all_memory',
      {},
      {
        safe: cgroups.version === 'none' ? ['result', 'power-off'] : ['limit memory'],
        limits: PATIENT,
        whenReady: async () => void (await Promise.all((await leftovers()).cgroups.map(narrow))),
      },
    );
    await field().unharmed(() => field().attack(grows));
  });

  // A guest's clock may go ten per cent faster than the host's, and its words take their time: the moment is found by halving.
  if (extent === 'long')
    test('gives its result in the moment in which its time is over: both ends', async () => {
      let [inTime, late] = [0.5, 2];
      const seen: Verdict[] = [];
      await field().unharmed(async () => {
        for (let turn = 0; turn < 12; turn += 1) {
          const seconds = (inTime + late) / 2;
          const at = attack('protocol', 'at_the_last_moment', { seconds });
          const ended = verdictOf(
            await field().attack({ ...at, safe: ['result', 'limit time'], limits: { wallMs: 1000 } }),
          );
          seen.push(ended);
          if (ended === 'result') inTime = seconds;
          else late = seconds;
        }
      });
      say(`a result in time after ${inTime} s, too late after ${late} s: ${seen.join(', ')}`);
      expect(new Set(seen)).toEqual(new Set(['result', 'limit time']));
    });

  test('eight hostile guests one after another', async () => {
    await field().unharmed(async () => {
      for (const one of MIXED) await field().attack(one);
    });
  });

  test('kill -9 of rennet with a hostile guest: the guest dies, and the next start cleans up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rennet-hostile-'));
    try {
      await writeBuildInput(join(folder, 'input'), SCENARIOS.succeeds);
      const id = JSON.stringify({ module: 'protocol', name: 'chatty', arguments: {} });
      const options = { image: field().image, folder, limits: { ...LIMITS, ...PATIENT }, reset: 'memory', id };
      await field().unharmed(async () => {
        const rennet = startRennet(options);
        await once(rennet.stdout as NodeJS.ReadableStream, 'data');
        const family = await descendants(rennet.pid);
        expect(family.size).toBeGreaterThan(0);
        rennet.kill('SIGKILL');
        await once(rennet, 'exit');
        await allGone(family);
        await removeGuestLeftovers(state);
        expect((await leftovers(rennet.pid, folder)).cgroups).toEqual([]);
        expect(await readdir(join(state.memory, 'slots'))).toEqual([]);
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test(`${counts.clones} clones in a row: none fails, none leaves anything`, async () => {
    const times: number[] = [];
    const one = async (): Promise<void> => {
      const report = await field().honest();
      // A clone that does not come up is followed by another: that would be none that failed.
      expect(report).toMatchObject({ reset: 'memory', tries: 1 });
      times.push(report.timingsMs.reset);
    };
    while (times.length < counts.clones)
      await field().unharmed(async () => {
        for (let clone = 0; clone < Math.min(20, counts.clones); clone += 1) await one();
      });
    say(`${counts.clones} clones in a row, ready in ${spread(times)} ms`);
  });

  test(`${counts.boots} cold boots with all processors busy: none hangs that is not tried again`, async () => {
    const burners = Array.from({ length: availableParallelism() }, startBurner);
    try {
      const times: number[] = [];
      let again = 0;
      for (let boot = 0; boot < counts.boots; boot += 1) {
        const report = await field().honest({ reset: 'overlay' });
        expect(report.reset).toBe('overlay');
        if (report.tries > 1) again += 1;
        times.push(report.timingsMs.reset);
      }
      say(
        `${counts.boots} cold boots beside ${burners.length} busy processes, ${again} of them at the second try, ready in ${spread(times)} ms`,
      );
    } finally {
      for (const burner of burners) burner.kill('SIGKILL');
      for (const burner of burners) if (burner.signalCode === null) await once(burner, 'exit');
    }
  });
}

function startRennet(options: object): ChildProcess {
  const program = join(import.meta.dirname, '../run-qemu-guest.ts');
  return spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Keeps one processor busy; it is one process, goes with this one, and stops by itself whatever becomes of this test. */
function startBurner(): ChildProcess {
  const bounds = ['--pdeathsig', 'KILL', 'prlimit', '--cpu=900'];
  return spawn('setpriv', [...bounds, 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' });
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  return `${sorted[0]} to ${sorted.at(-1)}, median ${sorted[Math.floor(sorted.length / 2)]}`;
}
