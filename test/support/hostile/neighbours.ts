import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { BUILD_LIMITS } from '../../../src/limits.ts';
import { until } from '../aftermath.ts';
import { backend } from '../machine-scenarios.ts';
import type { Attack, GuestCode } from './attack.ts';
import { type Field, LIMITS } from './field.ts';
import { measureShare, type Share } from './share.ts';

/** With the bounds of a build's guest; each goes on, or another comes, while the honest one works. */
const four = (guest: GuestCode, channel?: Attack['channel']): readonly Attack[] =>
  Array.from({ length: 4 }, () => ({
    does: guest.name,
    safe: ['cancelled', 'limit log', 'limit output', 'limit memory', 'power-off', 'forged'],
    guest,
    limits: { ...BUILD_LIMITS, memoryMiB: LIMITS.memoryMiB },
    channel,
  }));
const busy = four({ module: 'protocol', name: 'busy' });
const halting = four({ module: 'resources', name: 'halt_processor' });
const SPINNING = ['that want all they can get', [...busy.slice(2), ...halting.slice(2)]] as const;
const FLOODS = [
  ['that fork without end', four({ module: 'resources', name: 'fork_bomb' })],
  ['that flood the log', four({ module: 'protocol', name: 'endless_log', arguments: { piece: 'x\n' } })],
  ['that flood the output', four({ module: 'protocol', name: 'endless_output' })],
  ['that flood the service', four({ module: 'service', name: 'stream_flood' }, 'service')],
] as const;
/** Of an emulated processor that nobody else wants. */
const SECONDS = { fast: 3, long: 20 };

/** An honest guest beside hostile ones that go on, or come again, as long as it works: does it get its share? */
export function describeNeighbours(field: () => Field, extent: keyof typeof SECONDS): void {
  const cases = extent === 'long' ? [SPINNING, ...FLOODS] : [SPINNING];

  test.each(cases)('four hostile guests at once %s, and an honest one that gets its share', async (does, hostile) => {
    const share = await field().unharmed(() => shareBeside(field(), hostile, SECONDS[extent]));
    process.stdout.write(
      `hostile guests: an honest one beside ${hostile.length} ${does} took ${share.ratio.toFixed(2)} times its fair share of the time ${JSON.stringify(share)}\n`,
    );
    // What is counted in CI is little, so that only one that starves is found by it.
    expect(share.ratio).toBeLessThan(extent === 'fast' ? 3 : 1.5);
    if (extent === 'long') expect(share.neighbours).toBeGreaterThan(share.used);
  });
}

async function shareBeside(field: Field, hostile: readonly Attack[], seconds: number): Promise<Share> {
  const ready: number[] = [];
  const stop = new AbortController();
  const again = async (attack: Attack): Promise<void> => {
    while (!stop.signal.aborted) {
      const report = await field.attack(attack, { onReady: (pid) => void ready.push(pid) }, stop.signal);
      await rm(report.output);
    }
  };
  const all = Promise.all(hostile.map(again));
  try {
    await Promise.race([until(async () => ready.length >= hostile.length, 120_000), all]);
    let measured: ReturnType<typeof measureShare> | undefined;
    const begin = (pid: number): void => {
      measured = measureShare(pid, hostile.length);
    };
    await field.honest({ onReady: begin }, works(seconds));
    if (measured === undefined) throw new Error('the honest guest was never ready');
    return measured.stop();
  } finally {
    stop.abort();
    await all;
  }
}

/** Wants one processor all the time, for some seconds of an emulated one. */
const works = (seconds: number) => ({
  backend: backend(`
for turn in range(${seconds} * 5000):
    sum(range(1000))
return wheel(wheel_directory)`),
});
