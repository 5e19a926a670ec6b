import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, GuestJob, GuestLimits, GuestReport, Image, MachineDriver } from '../../src/model/machine.ts';
import { SCENARIOS, type ScenarioName } from './machine-scenarios.ts';
import { writeBuildInput, type TestBuild } from './sdist.ts';
import { commandOf, descendants, leftovers } from './traces.ts';

/** A driver to try against the contract of src/model/machine.ts. */
export interface ContractMachine {
  readonly name: string;
  /** Called once for a job; the fake driver plays the scenario's script, real ones run its back end. */
  readonly driver: (scenario: ScenarioName) => MachineDriver;
  /** Runs package code, so that what it sees can be asked. */
  readonly runsCode: boolean;
  /** The build image. */
  readonly image: () => Promise<Image>;
  /** The runtime image, for checks. */
  readonly runtime?: () => Promise<Image>;
  /** Folder for inputs and spools. */
  readonly scratch: string;
  /** Limits that every job gets; generous ones where machines are slow. */
  readonly limits: GuestLimits;
  /** How the driver ends a guest whose package code eats all memory. */
  readonly memoryEnd: Pick<GuestReport, 'end'> & Partial<GuestReport>;
}

export interface RunOptions {
  /** In place of the scenario's own back end. */
  readonly build?: TestBuild;
  /** In place of a build job: lays out the input of a check, which runs in the runtime image. */
  readonly check?: (input: string) => Promise<void>;
  readonly limits?: Partial<GuestLimits>;
  readonly signal?: AbortSignal;
  readonly onLog?: GuestJob['onLog'];
  readonly channel?: Channel;
}

export interface Contract {
  readonly run: (scenario: ScenarioName, options?: RunOptions) => Promise<GuestReport>;
}

/** The one suite that runs against every driver; `more` adds what only some can show. */
export function describeMachine(machine: ContractMachine, more?: (contract: Contract) => void): void {
  describe(`the ${machine.name} driver`, () => {
    let folder = '';
    let images: { build: Image; runtime: Image };
    let processes = new Set<number>();
    beforeAll(async () => {
      const build = await machine.image();
      images = { build, runtime: (await machine.runtime?.()) ?? build };
      await mkdir(machine.scratch, { recursive: true });
      folder = await mkdtemp(join(machine.scratch, 'rennet-contract-'));
      processes = await descendants();
    }, 600_000); // the images may have to be made
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
    });
    // The port promises that all is gone when run returns; what an orphan was is known only while it has its parent.
    const seen = new Set<number>();
    const look = async (): Promise<void> => {
      for (const pid of await descendants()) if (!processes.has(pid)) seen.add(pid);
    };
    let watch: NodeJS.Timeout | undefined;
    beforeEach(() => {
      seen.clear();
      watch = setInterval(() => void look(), 50);
    });
    afterEach(async () => {
      clearInterval(watch);
      await look();
      expect((await Promise.all([...seen].map(commandOf))).filter(Boolean)).toEqual([]);
      expect(await leftovers()).toEqual({ mounts: [], cgroups: [] });
    });

    const run: Contract['run'] = async (scenario, options = {}) => {
      const place = await mkdtemp(join(folder, 'guest-'));
      const [input, spool] = [join(place, 'input'), join(place, 'spool')];
      await mkdir(spool);
      await (options.check?.(input) ?? writeBuildInput(input, options.build ?? SCENARIOS[scenario]));
      const image = options.check ? images.runtime : images.build;
      const limits = { ...machine.limits, ...options.limits };
      const onLog = options.onLog ? { onLog: options.onLog } : {};
      const signal = options.signal ?? new AbortController().signal;
      const channel = options.channel ?? 'folder';
      const job: GuestJob = { id: 'contract', image, reset: 'overlay', input, spool, limits, channel, ...onLog };
      const report = await machine.driver(scenario).run(job, signal);
      expect((await readdir(spool)).toSorted()).toEqual(['log', 'output']);
      expect((await stat(report.log)).size).toBeLessThanOrEqual(limits.logBytes);
      expect((await stat(report.output)).size).toBeLessThanOrEqual(limits.outputBytes);
      expect(report.sentence === '').toBe(report.end === 'result');
      return report;
    };

    test('a build gives a wheel, a log and facts', async () => {
      const report = await run('succeeds');
      expect(report).toMatchObject({ end: 'result', driver: machine.name, result: { status: 'ok', files: 1 } });
      expect(report.result?.facts).toMatchObject({ wheel: 'demo-1.0-py3-none-any.whl', sharedLibraries: [] });
      expect(await readFile(report.log, 'utf8')).toContain('started\n');
      expect((await readFile(report.output)).subarray(0, 25).toString()).toBe('demo-1.0-py3-none-any.whl');
    });

    test('a build that fails names the step and the reason', async () => {
      const report = await run('fails');
      expect(report.result).toMatchObject({
        status: 'failed',
        files: 0,
        facts: { step: 'build_wheel', message: 'RuntimeError: this source is broken' },
      });
      expect(await readFile(report.log, 'utf8')).toContain('RuntimeError: this source is broken');
    });

    test('a hook that asks for what is not there ends as needs', async () => {
      const report = await run('asks');
      expect(report.result).toMatchObject({ status: 'needs', facts: { requirements: ['unknown-dep >= 2'] } });
    });

    test.each<[ScenarioName, Partial<GuestLimits>, string]>([
      ['neverEnds', { wallMs: 3000 }, 'time'],
      ['isSilent', { idleMs: 3000 }, 'idle'],
      ['floodsLog', {}, 'log'],
      ['floodsOutput', {}, 'output'],
    ])('%s ends at its limit', async (scenario, limits, kind) => {
      const report = await run(scenario, { limits });
      expect(report).toMatchObject({ end: 'limit', limit: kind });
      expect(report.result).toBeUndefined();
    });

    test('memory has its bound', async () => {
      expect(await run('eatsMemory')).toMatchObject(machine.memoryEnd);
    });

    test('package code cannot forge a result', async () => {
      const report = await run('forgesResult');
      expect(report.result?.facts ?? {}).not.toHaveProperty('forged');
      expect(['result', 'forged']).toContain(report.end);
    });

    test('package code that kills all it can reach only fails its own step', async () => {
      const report = await run('killsItsNeighbours');
      expect(report.result).toMatchObject({ status: 'failed', facts: { exit: 137 } });
    });

    test('daemons that a build leaves do not outlive it', async () => {
      expect((await run('leavesDaemons')).result).toMatchObject({ status: 'ok' });
    });

    test('a guest sees nothing of the guest before it', async () => {
      for (let guest = 1; guest <= 2; guest += 1)
        expect((await run('leavesCanaries')).result).toMatchObject({ status: 'ok' });
    });

    test('two guests at once do not disturb one another', async () => {
      const [ok, failed] = await Promise.all([run('succeeds'), run('fails')]);
      expect(ok.result?.status).toBe('ok');
      expect(failed.result?.status).toBe('failed');
    });

    test('an abort in the middle destroys the guest', async () => {
      const abort = new AbortController();
      const report = await run('neverEnds', { signal: abort.signal, onLog: () => abort.abort() });
      expect(report).toMatchObject({ end: 'cancelled' });
    });

    test('an abort before the start gives no guest', async () => {
      expect(await run('neverEnds', { signal: AbortSignal.abort() })).toMatchObject({ end: 'cancelled' });
    });

    if (machine.runsCode)
      test('a machine that is killed from outside ends without a result', async () => {
        let killed = 0;
        const onLog = (): void => {
          void descendants().then((now) => {
            for (const pid of now) {
              if (processes.has(pid)) continue;
              killed += 1;
              try {
                process.kill(pid, 'SIGKILL');
              } catch {
                // it went with the one before it
              }
            }
          });
        };
        const report = await run('neverEnds', { onLog });
        expect(killed).toBeGreaterThan(0);
        expect(report).toMatchObject({ end: 'power-off' });
      });

    more?.({ run });
  });
}
