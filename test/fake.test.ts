import { tmpdir } from 'node:os';
import type { Image } from '../src/model/machine.ts';
import { createFakeDriver } from '../src/machine/fake/fake-driver.ts';
import { describeMachine } from './support/machine-contract.ts';
import { SCENARIOS } from './support/machine-scenarios.ts';

describeMachine({
  name: 'fake',
  driver: (scenario) => createFakeDriver(() => SCENARIOS[scenario].guest),
  runsCode: false,
  image: async () => ({}) as Image,
  scratch: tmpdir(),
  limits: {
    wallMs: 20_000,
    idleMs: 10_000,
    memoryMiB: 64,
    cpus: 1,
    outputBytes: 10_000_000,
    logBytes: 1_000_000,
    outputFiles: 10,
    processes: 10,
  },
  memoryEnd: { end: 'result' },
});
