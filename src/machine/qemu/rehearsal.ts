import { randomBytes } from 'node:crypto';
import { createLineCutter } from '../lines.ts';
import { formatHostLine, parseGuestLine } from '../messages.ts';
import { helloFor } from '../protocol.ts';
import type { RunningMachine } from './launch.ts';

/** An answer takes a quarter of a second; on a host with other work a hundred times that is not broken. */
const ANSWER_MS = 30_000;

type Machine = Pick<RunningMachine, 'streams' | 'ended'>;

/** True when the guest's agent has said this; false when the machine ended, the time is over, or the caller wants it to end. The channel is left paused for the next reader. */
export async function untilSaid(
  type: 'waiting' | 'ready',
  { streams: { control }, ended }: Machine,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const cutter = createLineCutter();
  const said = Promise.withResolvers<boolean>();
  const hear = (chunk: Buffer): void => {
    for (const line of cutter.push(chunk).lines) if (parseGuestLine(line)?.type === type) said.resolve(true);
  };
  const stop = (): void => said.resolve(false);
  control.on('data', hear);
  control.resume();
  over.addEventListener('abort', stop);
  if (over.aborted) stop();
  void ended.then(stop);
  try {
    return await said.promise;
  } finally {
    control.off('data', hear);
    control.pause();
    over.removeEventListener('abort', stop);
  }
}

/**
 * Says hello for no job to a guest that waits, so that the hello of its job finds done what takes longest the first time: pages touched, code translated.
 * That one reseeds, sets clock and identity anew. False when no answer came.
 */
export async function rehearse(machine: Machine, signal: AbortSignal, deadlineMs = ANSWER_MS): Promise<boolean> {
  const ready = untilSaid('ready', machine, deadlineMs, signal);
  machine.streams.control.write(formatHostLine(helloFor('rehearsal', randomBytes(16).toString('hex'))));
  return ready;
}
