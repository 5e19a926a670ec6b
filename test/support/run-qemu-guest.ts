import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createDriver } from '../../src/machine/create.ts';
import type { GuestLimits, Image, ResetStrategy } from '../../src/model/machine.ts';
import { machineState } from './images.ts';

// A rennet of its own for tests that kill it: runs one guest and passes its log on.
const {
  image,
  folder,
  limits,
  reset,
  id = 'killed',
} = JSON.parse(process.argv[2] ?? '') as {
  image: Image;
  folder: string;
  limits: GuestLimits;
  reset: ResetStrategy;
  id?: string;
};
const spool = join(folder, 'spool');
await mkdir(spool);
await createDriver('qemu', { state: machineState, accelerator: 'tcg' }).run(
  {
    id,
    image,
    reset,
    input: join(folder, 'input'),
    spool,
    limits,
    onLog: (bytes) => process.stdout.write(bytes),
  },
  new AbortController().signal,
);
