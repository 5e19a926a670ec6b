import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createNamespaceDriver } from '../src/machine/namespace/namespace-driver.ts';
import { describeHost } from '../src/machine/qemu/host.ts';
import { describeGuestAgent } from './support/agent-contract.ts';
import { describeCheckJob } from './support/check-contract.ts';
import { machineState, testImages } from './support/images.ts';
import { describeMachine } from './support/machine-contract.ts';
import { backend, SCENARIOS } from './support/machine-scenarios.ts';
import { describeServiceChannel } from './support/service-contract.ts';
import { writeBuildInput } from './support/sdist.ts';
import { descendants, isAlive } from './support/traces.ts';

const limits = {
  wallMs: 60_000,
  idleMs: 30_000,
  memoryMiB: 512,
  cpus: 2,
  outputBytes: 10_000_000,
  logBytes: 1_000_000,
  outputFiles: 10,
  processes: 200,
};
const driver = createNamespaceDriver();
const { cgroups } = await describeHost(machineState);

describeMachine(
  {
    name: 'namespace',
    driver: () => driver,
    runsCode: true,
    image: async () => (await testImages(['folder'])).build,
    runtime: async () => (await testImages(['folder'])).runtime,
    scratch: tmpdir(),
    limits,
    // Without groups a bound on addresses holds it, and Python sees that.
    memoryEnd: cgroups.version === 'none' ? { end: 'result' } : { end: 'limit', limit: 'memory' },
  },
  (contract) => {
    describeGuestAgent(contract);
    describeCheckJob(contract);
    describeServiceChannel(contract);

    test('package code may not ask the shared kernel for what no build needs', async () => {
      const report = await contract.run('succeeds', {
        build: {
          backend: backend(`
import ctypes, errno, subprocess, threading
libc = ctypes.CDLL(None, use_errno=True)
def refused(name, *arguments):
    ctypes.set_errno(0)
    assert getattr(libc, name)(*arguments) == -1 and ctypes.get_errno() == errno.EPERM, (name, ctypes.get_errno())
refused('ptrace', 0, 0, 0, 0) # PTRACE_TRACEME is anybody's elsewhere
refused('syscall', 425, 8, None) # io_uring_setup: else EFAULT
refused('syscall', 428, -100, None, 0) # open_tree: else EFAULT
assert 'Seccomp:\\t2' in open('/proc/self/status').read()
thread = threading.Thread(target=subprocess.run, args=(['true'],))
thread.start()
thread.join()
return wheel(wheel_directory)`),
        },
      });
      expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({ status: 'ok' });
    });
  },
);

test('kill -9 of rennet takes the guest with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-contract-'));
  await writeBuildInput(join(folder, 'input'), SCENARIOS.neverEnds);
  const { build } = await testImages(['folder']);
  const rennet = spawn(
    process.execPath,
    [join(import.meta.dirname, 'support/run-guest.ts'), JSON.stringify({ image: build, folder, limits })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(rennet.stdout, 'data'); // the guest's log: it runs
  const guests = [...(await descendants(rennet.pid))];
  expect(guests.length).toBeGreaterThan(0);
  rennet.kill('SIGKILL');
  await once(rennet, 'exit');
  for (let tries = 0; tries < 500 && (await someAlive(guests)); tries += 1) await sleep(20);
  expect(await someAlive(guests)).toBe(false);
  await rm(folder, { recursive: true });
});

async function someAlive(pids: readonly number[]): Promise<boolean> {
  return (await Promise.all(pids.map(isAlive))).includes(true);
}
