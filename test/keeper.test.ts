import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeSync, closeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findKeeper, type Keeper, openKeeper } from '../src/machine/keeper.ts';
import { type StateFolder, stateFolder } from '../src/model/state.ts';
import { isAlive } from './support/traces.ts';

const signal = new AbortController().signal;
let state: StateFolder;
beforeEach(async () => {
  state = stateFolder(await mkdtemp(join(tmpdir(), 'rennet-keeper-')));
});
afterEach(async () => {
  await (await findKeeper(state))?.stop();
  await rm(state.root, { recursive: true });
  await rm(state.memory, { recursive: true, force: true });
});

const gone = async (pid: number): Promise<boolean> => {
  for (let tries = 0; tries < 500 && (await isAlive(pid)); tries += 1) await sleep(20);
  return !(await isAlive(pid));
};
const fill = (keeper: Keeper, kept: Parameters<Keeper['open']>[0], text: string, at: number): void => {
  const fd = keeper.open(kept, 'r+');
  writeSync(fd, text, at);
  closeSync(fd);
};

test('many at once start one keeper', async () => {
  const leases = await Promise.all(Array.from({ length: 6 }, () => openKeeper(state, signal)));
  expect(new Set(leases.map((it) => it.pid)).size).toBe(1);
  for (const lease of leases) lease.close();
});

test('without a lease it ends after its idle time, and runs what was registered', async () => {
  const keeper = await openKeeper(state, signal, 1);
  const trace = join(state.root, 'stopped');
  await keeper.registerIdleStop(['touch', trace]);
  await sleep(2000);
  expect(await isAlive(keeper.pid)).toBe(true); // a lease is open
  keeper.close();
  expect(await gone(keeper.pid)).toBe(true);
  await access(trace);
  expect(await findKeeper(state)).toBeUndefined();
});

test('stop ends it at once, registered commands included', async () => {
  const keeper = await openKeeper(state, signal);
  const trace = join(state.root, 'stopped');
  await keeper.registerIdleStop(['touch', trace]);
  await keeper.stop();
  await access(trace);
  expect(await gone(keeper.pid)).toBe(true);
  await expect(keeper.listMemories()).rejects.toMatchObject({ code: 'template-failed' });
});

test('a new keeper follows one that was killed', async () => {
  const keeper = await openKeeper(state, signal);
  process.kill(keeper.pid, 'SIGKILL');
  expect(await gone(keeper.pid)).toBe(true);
  const next = await openKeeper(state, signal);
  expect(next.pid).not.toBe(keeper.pid);
  expect(await next.listMemories()).toEqual([]);
  next.close();
});

test('a memory and its file have one digest; loading gives it back', async () => {
  const keeper = await openKeeper(state, signal);
  const made = await keeper.createMemory('a', 64 * 1024 * 1024);
  if (made === undefined) throw new Error('the name is taken');
  fill(keeper, made, 'one', 12_345);
  fill(keeper, made, 'two', 50_000_000);
  const path = join(state.root, 'a');
  const saved = await keeper.saveMemory('a', path);
  expect(saved).toBe(await keeper.digestMemory('a'));
  await keeper.createMemory('b', 0);
  expect(await keeper.loadMemory('b', path)).toBe(saved);
  expect(await keeper.findMemory('b')).toMatchObject({ bytes: 64 * 1024 * 1024, sealed: false });
  fill(keeper, made, 'x', 1);
  expect(await keeper.digestMemory('a')).not.toBe(saved);
  keeper.close();
});

test('what a lease left half made goes with it; what is sealed stays', async () => {
  const [keeper, other] = [await openKeeper(state, signal), await openKeeper(state, signal)];
  await keeper.createMemory('half', 4096);
  await keeper.createMemory('whole', 4096);
  expect(await other.createMemory('whole', 4096)).toBeUndefined();
  await keeper.sealMemory('whole', { from: 'test' }, await keeper.digestMemory('whole'));
  await keeper.createMemory('tried', 4096);
  await keeper.sealMemory('tried', {}, await keeper.digestMemory('tried'), 'on trial');
  keeper.close();
  const areGone = async () =>
    (await Promise.all(['half', 'tried'].map((name) => other.findMemory(name)))).every((it) => it === undefined);
  for (let tries = 0; tries < 500 && !(await areGone()); tries += 1) await sleep(10);
  expect(await other.listMemories()).toMatchObject([{ name: 'whole', sealed: true, note: { from: 'test' } }]);
  other.close();
});

test('a memory whose descriptor number another one has now is not opened; a long list is read whole', async () => {
  const keeper = await openKeeper(state, signal);
  const first = await keeper.createMemory('first', 4096);
  if (first === undefined) throw new Error('the name is taken');
  await keeper.sealMemory('first', 'x'.repeat(60_000), await keeper.digestMemory('first'));
  await keeper.dropMemory('first');
  const second = await keeper.createMemory('second', 4096);
  expect(second).toMatchObject({ fd: first.fd });
  expect(() => keeper.open(first, 'r')).toThrow(/has that memory no more/);
  await keeper.sealMemory('second', 'x'.repeat(60_000), await keeper.digestMemory('second'));
  await keeper.createMemory('third', 4096);
  await keeper.sealMemory('third', 'x'.repeat(60_000), await keeper.digestMemory('third'));
  expect(await keeper.listMemories()).toHaveLength(2);
  keeper.close();
});

test('sealed memories take the place of others in one step, and only whole ones do', async () => {
  const keeper = await openKeeper(state, signal);
  for (const [name, note] of [
    ['t.memory', 'old'],
    ['new-t.memory', 'new'],
    ['new-t.state', 'new'],
  ] as const) {
    await keeper.createMemory(name, 4096);
    await keeper.sealMemory(name, note, await keeper.digestMemory(name));
  }
  await keeper.createMemory('half.memory', 4096);
  await expect(
    keeper.switchMemories([
      ['new-t.memory', 't.memory'],
      ['half.memory', 't.state'],
    ]),
  ).rejects.toMatchObject({ code: 'template-failed' });
  expect((await keeper.findMemory('t.memory'))?.note).toBe('old');
  const old = (await keeper.findMemory('t.memory')) ?? { fd: -1, bytes: 0 };
  const mapped = keeper.open(old as Parameters<Keeper['open']>[0], 'r');
  await keeper.switchMemories([
    ['new-t.memory', 't.memory'],
    ['new-t.state', 't.state'],
  ]);
  closeSync(mapped);
  const left = (await keeper.listMemories()).map(({ name, note }) => `${name}: ${String(note)}`);
  expect(left.toSorted()).toEqual(['half.memory: null', 't.memory: new', 't.state: new']);
  keeper.close();
});

test('what is sealed is hashed again when nobody asks; what has changed goes, its siblings too', async () => {
  const keeper = await openKeeper(state, signal, 60, 0.1);
  for (const name of ['good.memory', 'good.state', 'bad.memory', 'bad.state']) {
    const made = await keeper.createMemory(name, 65_536);
    if (made === undefined) throw new Error('the name is taken');
    fill(keeper, made, name, 77);
    // Nobody can change a sealed memory, so that the one is sealed as if it had been another.
    await keeper.sealMemory(name, null, name === 'bad.state' ? '0'.repeat(64) : await keeper.digestMemory(name));
  }
  const sealedAt = (await keeper.findMemory('good.memory'))?.verifiedAt ?? 0;
  const names = async () => (await keeper.listMemories()).map(({ name }) => name).toSorted();
  for (let tries = 0; tries < 50 && (await names()).length > 2; tries += 1) await sleep(300);
  expect(await names()).toEqual(['good.memory', 'good.state']);
  for (let tries = 0; tries < 50; tries += 1) {
    const { verifiedAt } = (await keeper.findMemory('good.memory')) ?? { verifiedAt: 0 };
    if ((verifiedAt ?? 0) > sealedAt) return keeper.close();
    await sleep(300);
  }
  throw new Error('it was never hashed again');
});

test('a request that makes no sense is refused and costs nobody anything', async () => {
  const keeper = await openKeeper(state, signal);
  await expect(keeper.loadMemory('nothing', '/nowhere')).rejects.toMatchObject({ code: 'template-failed' });
  const path = join(state.root, 'there');
  await writeFile(path, '');
  await keeper.createMemory('a', 10);
  await expect(keeper.saveMemory('a', path)).rejects.toMatchObject({ code: 'template-failed' });
  expect(await keeper.listMemories()).toHaveLength(1);
  keeper.close();
});
