import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { claimRoom, type RoomPorts, readHostFacts, tryRoom } from '../src/machine/qemu/room.ts';
import { slotLocks } from '../src/machine/qemu/slot-lock.ts';
import { reserveSlot, type Slot } from '../src/machine/qemu/slot.ts';
import { machineState as state } from './support/images.ts';
import { until } from './support/aftermath.ts';

// Claims count on the whole host, so that guests of other runs wait for the moment that these tests take.

/** More than any host has. */
const ALL = 2 ** 40;
const signal = new AbortController().signal;
const open: Slot[] = [];
afterEach(async () => {
  for (const slot of open.splice(0)) await slot.release();
});

async function newSlot(): Promise<Slot> {
  const slot = await reserveSlot(state);
  open.push(slot);
  return slot;
}

function ports(over: Partial<RoomPorts> = {}): { ports: RoomPorts; said: string[] } {
  const said: string[] = [];
  const progress: RoomPorts['progress'] = ({ doing }) => void said.push(doing);
  return { ports: { state, progress, overcommit: false, ...over }, said };
}

const claims = async (): Promise<string[]> =>
  (await readdir(slotLocks(state))).filter((name) => open.some(({ number }) => name === `${number}.claim`));

test('a guest waits, and says so, while another one may take what is there; it comes when that one is gone', async () => {
  const [first, second] = [await newSlot(), await newSlot()];
  await claimRoom(first, { memoryMiB: ALL }, ports({ overcommit: true }).ports, signal);
  const waiting = ports();
  const claimed = claimRoom(second, { memoryMiB: 1 }, waiting.ports, signal);
  await until(async () => waiting.said.length > 0);
  expect(waiting.said[0]).toMatch(/^waiting for room: a guest may take 1 MiB, \d+ more than the \d+ that run leave$/);
  // What it wants is not held while it waits: others that fit may pass.
  await until(async () => (await claims()).length === 1);
  await first.release();
  open.splice(open.indexOf(first), 1);
  await claimed;
  expect(await claims()).toEqual([`${second.number}.claim`]);
  await second.release();
  expect(await claims()).toEqual([]);
});

test('^C ends the waiting', async () => {
  const [first, second] = [await newSlot(), await newSlot()];
  await claimRoom(first, { memoryMiB: ALL }, ports({ overcommit: true }).ports, signal);
  const stop = new AbortController();
  const { ports: waiting, said } = ports();
  const claimed = claimRoom(second, { memoryMiB: 1 }, waiting, stop.signal);
  const code = claimed.then(
    () => 'claimed',
    (error: { code: string }) => error.code,
  );
  await until(async () => said.length > 0);
  stop.abort();
  expect(await code).toBe('cancelled');
});

test('what a killed rennet claimed is free', async () => {
  const holder = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'support/claim-room.ts'),
      state.root,
      String(ALL),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  const second = await newSlot();
  expect(await tryRoom(second, { memoryMiB: 1 }, ports().ports)).toMatchObject({ missingMiB: expect.any(Number) });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await claimRoom(second, { memoryMiB: 1 }, ports().ports, signal);
});

test('of many that ask in the same moment no more are let in than fit together', async () => {
  const { availableMiB } = await readHostFacts(state);
  const slots = await Promise.all(Array.from({ length: 8 }, newSlot));
  const each = Math.floor(availableMiB * 0.3);
  for (let round = 0; round < 20; round++) {
    const refused = await Promise.all(slots.map((slot) => tryRoom(slot, { memoryMiB: each }, ports().ports)));
    // Three would leave the host's reserve and a tenth; that much may come and go meanwhile.
    expect(refused.filter((it) => it === undefined).length).toBeLessThanOrEqual(3);
    expect(await claims()).toHaveLength(refused.filter((it) => it === undefined).length);
    for (const slot of open.splice(0)) await slot.release();
    slots.splice(0, 8, ...(await Promise.all(Array.from({ length: 8 }, newSlot))));
  }
});

test('many that ask at once all come in the end', async () => {
  const { availableMiB } = await readHostFacts(state);
  const each = Math.floor(availableMiB * 0.3);
  const guest = async (): Promise<void> => {
    const slot = await newSlot();
    await claimRoom(slot, { memoryMiB: each }, ports().ports, signal);
    await slot.release();
  };
  await Promise.all(Array.from({ length: 8 }, guest));
  open.splice(0);
});
