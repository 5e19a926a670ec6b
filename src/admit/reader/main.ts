import { once } from 'node:events';
import { encodeFrame, MAX_FRAME, type FrameKind } from './frames.ts';
import { readWheel } from './read-wheel.ts';

/**
 * The reading process: `node … main.ts WHEEL`. It may read the wheel and Rennet's own code, write nothing and start nothing
 * (see run-reader.ts); contents and report leave it through standard output.
 */
async function send(kind: FrameKind, bytes?: Uint8Array): Promise<void> {
  if (!process.stdout.write(encodeFrame(kind, bytes))) await once(process.stdout, 'drain');
}

const report = Buffer.from(JSON.stringify(await readWheel(process.argv[2] ?? '', send)));
for (let at = 0; at < report.length; at += MAX_FRAME) await send('report', report.subarray(at, at + MAX_FRAME));
