import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { fileError, readJson, writeJson } from '../../host/files.ts';
import { bootId } from '../../host/process-owner.ts';
import type { StateFolder } from '../../model/state.ts';

const PROGRAM = fileURLToPath(new URL('tsc-rate.py', import.meta.url));
const kept = z.object({ boot: z.string(), khz: z.int() });
/** The program measures to a thousandth. A rate so near to the one before is that: templates of an earlier boot stay good. */
const SAME = 0.002;

/**
 * The rate of this host's time stamp counter, by which emulated amd64 guests keep time: QEMU hands it through (`cpu_get_host_ticks`). Measured
 * once for each boot of the host (0.15 s); undefined where it cannot be, which the doctor tells. RennetError `no-space`, `state-unwritable`.
 */
export async function hostTscKhz(state: StateFolder): Promise<number | undefined> {
  const file = join(state.run, 'tsc.json');
  const [found, boot] = [kept.safeParse(await readJson(file)), bootId()];
  if (found.success && found.data.boot === boot) return found.data.khz;
  const measured = process.arch === 'x64' ? await measure() : undefined;
  if (measured === undefined) return undefined;
  const khz = chooseRate(measured, found.data?.khz);
  try {
    await writeJson(file, { boot, khz });
  } catch (error) {
    throw fileError(error, file);
  }
  return khz;
}

/** The rate to go by where this was measured, and that before. Pure. */
export function chooseRate(measuredKhz: number, beforeKhz: number | undefined): number {
  const isSame = beforeKhz !== undefined && Math.abs(measuredKhz / beforeKhz - 1) < SAME;
  return isSame ? beforeKhz : measuredKhz;
}

async function measure(): Promise<number | undefined> {
  const { stdout } = await execa('python3', ['-I', PROGRAM], { reject: false, stdin: 'ignore' });
  const khz = z.coerce.number().int().min(100_000).max(20_000_000).safeParse(String(stdout).trim());
  // Whole megahertz: two that measure at once agree.
  return khz.success ? Math.round(khz.data / 1000) * 1000 : undefined;
}
