import { createDriver } from '../../src/machine/create.ts';
import { findKeeper } from '../../src/machine/keeper.ts';
import type { GuestJob } from '../../src/model/machine.ts';
import { stateFolder } from '../../src/model/state.ts';

/** Runs one job after the other as the user that this is started as, in a state folder of its own, and tells each report: STATE JOBS (JSON). */
const [root = '', jobs = '[]'] = process.argv.slice(2);
const state = stateFolder(root);
const driver = createDriver('qemu', { state, accelerator: 'tcg' });
const signal = new AbortController().signal;
try {
  for (const job of JSON.parse(jobs) as GuestJob[]) {
    const { end, sentence, reset, isolation, result } = await driver.run(job, signal);
    process.stdout.write(`${JSON.stringify({ end, sentence, reset, isolation, status: result?.status })}\n`);
  }
} finally {
  await driver.close();
  await (await findKeeper(state))?.stop();
}
