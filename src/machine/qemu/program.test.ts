import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stateFolder } from '../../model/state.ts';
import { foreignMachine } from './accelerator.ts';
import { createQemuDriver } from './driver.ts';
import { findQemu } from './program.ts';

test.each([
  ['amd64', 'qemu-system-x86'],
  ['arm64', 'qemu-system-arm'],
] as const)('where QEMU for %s is missing, the sentence says so and the hint installs %s', async (machine, name) => {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-program-'));
  try {
    const nowhere = { path: join(folder, 'qemu'), package: name };
    await expect(findQemu(stateFolder(folder), machine, { amd64: nowhere, arm64: nowhere })).rejects.toMatchObject({
      code: 'missing-tool',
      message: `QEMU for ${machine} machines is not installed on this host (there is no ${nowhere.path}).`,
      hint: `Run: apt install ${name}`,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.each([
  ['amd64', 'x64', true],
  ['i386', 'x64', true],
  ['arm64', 'x64', false],
  ['arm64', 'arm64', true],
  ['amd64', 'arm64', false],
  ['i386', 'arm64', false],
  ['amd64', 'riscv64', false],
] as const)('KVM may run an %s guest on a host of %s: %s', (architecture, host, may) => {
  const why = foreignMachine({ suite: 'bookworm', architecture }, host);
  expect(why === undefined).toBe(may);
  if (why !== undefined) expect(why).toMatchObject({ state: 'missing', sentence: expect.stringMatching(/^KVM .*\.$/) });
});

test('a driver says that guests of another processor are emulated, and why', async () => {
  const architecture = process.arch === 'arm64' ? 'amd64' : 'arm64';
  const driver = createQemuDriver({ state: stateFolder('/nonexistent'), accelerator: 'auto', templates: undefined });
  expect(await driver.isolation({ suite: 'bookworm', architecture })).toEqual({
    isolation: 'emulated',
    sentence: expect.stringMatching(
      /^KVM runs guests of this host's own processor .* Guests run under emulation \(TCG\)\.$/,
    ),
  });
});
