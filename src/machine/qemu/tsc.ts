import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { readJson, writeJson } from '../../host/files.ts';
import { bootId } from '../../host/process-owner.ts';
import type { StateFolder } from '../../model/state.ts';

const PROGRAM = fileURLToPath(new URL('tsc-rate.py', import.meta.url));
const kept = z.object({ boot: z.string(), khz: z.int() });
/** The program measures to a thousandth. A rate so near to the one before is that: templates of an earlier boot stay good. */
const SAME = 0.002;
/** Where it cannot be measured: a guest's clock then runs wrong, and is set right by each hello. */
const UNKNOWN_KHZ = 2_000_000;

/**
 * The rate of an emulated amd64 processor's time stamp counter, by which its kernel keeps time: QEMU hands through the counter of the host
 * (`cpu_get_host_ticks`). Measured once for each boot of the host (0.15 s).
 */
export async function emulatedTscKhz(state: StateFolder): Promise<number> {
  const file = join(state.run, 'tsc.json');
  const [found, boot] = [kept.safeParse(await readJson(file)), bootId()];
  if (found.success && found.data.boot === boot) return found.data.khz;
  const measured = process.arch === 'x64' ? await measure() : UNKNOWN_KHZ;
  const khz = chooseRate(measured, found.data?.khz);
  await writeJson(file, { boot, khz });
  return khz;
}

/** Pure. */
export function chooseRate(measuredKhz: number, beforeKhz: number | undefined): number {
  const isSame = beforeKhz !== undefined && Math.abs(measuredKhz / beforeKhz - 1) < SAME;
  return isSame ? beforeKhz : measuredKhz;
}

async function measure(): Promise<number> {
  const { stdout } = await execa('python3', ['-I', PROGRAM], { reject: false, stdin: 'ignore' });
  const khz = z.coerce.number().int().min(100_000).max(20_000_000).safeParse(String(stdout).trim());
  // Whole megahertz: two that measure at once agree.
  return khz.success ? Math.round(khz.data / 1000) * 1000 : UNKNOWN_KHZ;
}
