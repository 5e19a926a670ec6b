import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hostTarget } from '../../src/debian/apt-host.ts';
import { openAptRoot } from '../../src/debian/apt.ts';
import { openArchiveIndex } from '../../src/debian/archive-index.ts';
import { ensureImages, type ImageForm } from '../../src/image/index.ts';
import type { Image } from '../../src/model/machine.ts';
import { type StateFolder, stateFolder } from '../../src/model/state.ts';

/** The state folder that tests with real machines share and keep: making images takes minutes, and they are content-addressed. */
export const machineState: StateFolder = stateFolder(
  process.env['RENNET_TEST_STATE'] ?? join(homedir(), '.cache/rennet-test'),
);

/** The images of this host's own target; made by the first test that asks. */
export async function testImages(forms: readonly ImageForm[]): Promise<{ build: Image; runtime: Image }> {
  const { signal } = new AbortController();
  const target = await hostTarget(signal);
  for (const folder of [machineState.apt, machineState.images, machineState.run])
    await mkdir(folder, { recursive: true });
  const apt = await openAptRoot(target, machineState, signal);
  return ensureImages(target, { state: machineState, apt, progress: () => {} }, signal, { forms });
}

/** The package lists of this host's own target and what is derived from them, in the machine state; made by the first test that asks. */
export async function testLists(): Promise<void> {
  const { signal } = new AbortController();
  await mkdir(machineState.apt, { recursive: true });
  const apt = await openAptRoot(await hostTarget(signal), machineState, signal);
  await apt.update({}, () => {}, signal);
  await openArchiveIndex(apt, signal);
}
