import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createNamespaceDriver } from '../../src/machine/namespace/namespace-driver.ts';
import type { GuestLimits, Image } from '../../src/model/machine.ts';

// A rennet of its own for tests that kill it: runs one guest and passes its log on.
const { image, folder, limits } = JSON.parse(process.argv[2] ?? '') as {
  image: Image;
  folder: string;
  limits: GuestLimits;
};
const spool = join(folder, 'spool');
await mkdir(spool);
await createNamespaceDriver().run(
  {
    id: 'killed',
    image,
    reset: 'overlay',
    input: join(folder, 'input'),
    spool,
    limits,
    onLog: (bytes) => process.stdout.write(bytes),
  },
  new AbortController().signal,
);
