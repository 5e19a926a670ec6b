import { pack } from 'tar-stream';
import type { GuestJob, GuestReport, MachineDriver } from '../../model/machine.ts';
import { createFreshness, guestReport, runProtocol } from '../protocol.ts';
import { createGuestSide, type GuestSide } from './guest-side.ts';

/** A guest that does its job and answers so. */
export interface FakeAnswer {
  readonly status?: 'ok' | 'failed' | 'needs';
  readonly facts?: Record<string, unknown>;
  /** Files of the output stream. */
  readonly files?: readonly { readonly name: string; readonly content: Uint8Array | string }[];
  readonly log?: string;
}

/** A guest with a life of its own, for everything that an honest one does not do. */
export type FakeGuest = (guest: GuestSide) => Promise<void>;

/**
 * The driver for tests: the guest is a script in this process and runs no package code; protocol, limits and spool files are
 * the real ones. `script` is asked once for every job.
 */
export function createFakeDriver(script: (job: GuestJob) => FakeAnswer | FakeGuest): MachineDriver {
  const freshness = createFreshness();
  return {
    name: 'fake',
    async run(job, signal): Promise<GuestReport> {
      const { guest, streams, destroy } = createGuestSide();
      const chosen = script(job);
      const life = typeof chosen === 'function' ? chosen(guest) : answer(guest, chosen);
      life.catch(() => guest.powerOff());
      const report = await runProtocol(streams, job, { readyMs: 10_000, freshness, destroy }, signal);
      const machine = { driver: 'fake', reset: job.reset, isolation: 'none', machineVersion: '', tries: 1 } as const;
      return guestReport(report, machine);
    },
    isolation: async () => ({ isolation: 'none', sentence: 'The fake driver runs nothing at all.' }),
    prepare: async () => {},
    close: async () => {},
  };
}

async function answer(
  guest: GuestSide,
  { status = 'ok', facts = {}, files = [], log = '' }: FakeAnswer,
): Promise<void> {
  await guest.hello();
  await guest.ready();
  await guest.log(log);
  if (files.length > 0) {
    const tar = pack();
    for (const { name, content } of files) tar.entry({ name, mtime: new Date(0) }, Buffer.from(content));
    tar.finalize();
    for await (const chunk of tar) await guest.output(chunk as Buffer);
  }
  await guest.result({ status, facts, files: files.length });
}
