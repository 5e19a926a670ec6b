import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestPorts } from '../model/guest-ports.ts';
import type { GuestReport } from '../model/machine.ts';

/** A machine that failed by itself is tried once more; the package cannot be blamed for it. */
const MACHINE_TRIES = 2;

/** Runs the job of a stage, its inputs in the folder `input`, in a fresh guest that spools into a new folder of the attempt. Each report is told. */
export async function runStageGuest(
  id: string,
  input: string,
  ports: GuestPorts,
  signal: AbortSignal,
): Promise<GuestReport> {
  const { image, reset, limits, channel, mirror } = ports;
  for (let round = 1; ; round += 1) {
    const spool = join(ports.folder, `${id}.${round}`);
    await mkdir(spool, { recursive: true, mode: 0o700 });
    const report = await ports.driver.run({ id, image, reset, input, spool, limits, channel, mirror }, signal);
    ports.onReport(report);
    if (report.end !== 'infrastructure' || round >= MACHINE_TRIES) return report;
  }
}
