import { tmpdir } from 'node:os';
import { createDriver } from '../src/machine/create.ts';
import { describeGuestAgent } from './support/agent-contract.ts';
import { machineState, testImages } from './support/images.ts';
import { describeMachine } from './support/machine-contract.ts';
import { describeServiceChannel } from './support/service-contract.ts';

const driver = createDriver('qemu', { state: machineState, accelerator: 'tcg' });

describeMachine(
  {
    name: 'qemu',
    driver: () => driver,
    runsCode: true,
    image: async () => (await testImages(['disk'])).build,
    scratch: tmpdir(),
    limits: {
      wallMs: 180_000,
      idleMs: 60_000,
      memoryMiB: 1024,
      cpus: 1,
      outputBytes: 10_000_000,
      logBytes: 1_000_000,
      outputFiles: 10,
      processes: 200,
    },
    // The guest's own kernel ends what eats its memory; the machine survives and says so.
    memoryEnd: { end: 'result' },
  },
  (contract) => {
    describeGuestAgent(contract);
    describeServiceChannel(contract);
  },
);
