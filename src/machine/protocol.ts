import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import { RennetError } from '../model/errors.ts';
import type { GuestJob, GuestReport } from '../model/machine.ts';
import {
  beginConversation,
  hearAbort,
  hearBytes,
  hearClose,
  hearEndlessLine,
  hearForgery,
  hearLine,
  hearService,
  hearTime,
  judgeOutput,
  nextDeadline,
  outputIsComplete,
  type Conversation,
  type ConversationEnd,
} from './conversation.ts';
import { createLineCutter } from './lines.ts';
import { formatHostLine, type Hello, PROTOCOL, type Run } from './messages.ts';
import { type GuestService, openService } from './service/service.ts';
import { spoolStream, type Spool } from './spool.ts';

/** The channels of a guest, whatever they are made of. */
export interface GuestStreams {
  readonly control: Duplex;
  readonly log: Readable;
  readonly output: Readable;
  /** Frames of the service, both ways; silent for a job that goes by folders. */
  readonly service: Duplex;
  /** The process that started the guest on the host; 0 where there is none. */
  readonly process: number;
}

export interface ProtocolOptions {
  /** How long the guest may take from hello to ready. */
  readonly readyMs: number;
  /** Shared by all guests of a driver: the same bytes twice mean that a clone did not reseed. */
  readonly freshness: Freshness;
  /** Destroys the guest; called exactly once, before `runProtocol` returns, however the talk ended. Must not reject. */
  readonly destroy: () => Promise<void>;
}

export interface ProtocolReport extends ConversationEnd {
  /** `ready`: hello to ready. `run`: ready to result or end. `collect`: result to the last byte of output. */
  readonly timingsMs: { ready: number; run: number; collect: number; teardown: number };
  readonly log: string;
  readonly output: string;
}

export interface Freshness {
  /** True when these bytes (hex) were never given before; remembers them. */
  readonly isFresh: (random: string) => boolean;
}

const REMEMBERED = 10_000;
/** How long the rest of a dead guest's channels may take. */
const DRAIN_MS = 5000;

/** Remembers the last 10,000 guests. */
export function createFreshness(): Freshness {
  const seen = new Set<string>();
  return {
    isFresh(random) {
      if (seen.has(random)) return false;
      seen.add(random);
      for (const oldest of seen) {
        if (seen.size <= REMEMBERED) break;
        seen.delete(oldest);
      }
      return true;
    },
  };
}

/**
 * Leads one guest through its life: hello, ready, run, result; spools `log` and `output` of the job's spool folder;
 * destroys the guest. Never rejects for anything a guest does; rejects with `no-space` when the spool cannot be written.
 * On abort: end `cancelled`, guest destroyed.
 */
export async function runProtocol(
  streams: GuestStreams,
  job: GuestJob,
  options: ProtocolOptions,
  signal: AbortSignal,
): Promise<ProtocolReport> {
  const nonce = randomBytes(16).toString('hex');
  const terms = { nonce, readyMs: options.readyMs, limits: job.limits, isFresh: options.freshness.isFresh };
  let talk = beginConversation(terms, Date.now());
  const ended = Promise.withResolvers<void>();
  let failure: unknown;
  let timer: NodeJS.Timeout | undefined;
  let outputSpool: Spool | undefined;
  let service: GuestService | undefined;

  const order = (): void => {
    if (talk.phase === 'running') streams.control.write(formatHostLine(runOrder(job, nonce, service)));
  };
  const move = (next: Conversation): void => {
    if (talk.phase === 'ended') return;
    const before = talk;
    talk = outputSpool && outputIsComplete(next) ? judgeOutput(next, outputSpool.sha512()) : next;
    if (before.phase === 'booting' && talk.phase === 'running') {
      Promise.resolve(job.onReady?.(streams.process)).then(order, fail);
      watch();
    }
    if (talk.phases > before.phases) job.onPhase?.(talk.phaseName ?? '');
    if (talk.phase === 'ended') ended.resolve();
  };
  const watch = (): void => {
    clearTimeout(timer);
    move(hearTime(talk, Date.now()));
    if (talk.phase !== 'ended') timer = setTimeout(watch, Math.min(1000, Math.max(1, nextDeadline(talk) - Date.now())));
  };
  const fail = (error: unknown): void => {
    failure ??= error;
    move(hearAbort(talk));
  };

  const abort = (): void => move(hearAbort(talk));
  const paths = { log: join(job.spool, 'log'), output: join(job.spool, 'output') };
  const spools: Spool[] = [];
  try {
    spools.push(
      await spoolStream(streams.log, paths.log, job.limits.logBytes, (chunk) => {
        job.onLog?.(chunk);
        move(hearBytes(talk, 'log', chunk.length, Date.now()));
      }),
    );
    service = await openJobService(streams, job, () => talk, move);
    const result = service?.upload ?? streams.output;
    outputSpool = await spoolStream(result, paths.output, job.limits.outputBytes, (chunk) =>
      move(hearBytes(talk, 'output', chunk.length, Date.now())),
    );
    spools.push(outputSpool);
    for (const spool of spools) spool.done.catch(fail);
    outputSpool.done.then(() => move(hearClose(talk, 'output')), fail);
    for (const stream of [streams.log, streams.output]) stream.on('error', () => {}); // the spools' loops see it
    listen(streams.control, () => talk, move);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    streams.control.write(formatHostLine(helloFor(job.id, nonce)));
    watch();
    await ended.promise;
  } catch (error) {
    fail(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
  const endedAt = Date.now();
  await options.destroy();
  const destroyedAt = Date.now();
  service?.close();
  await drain(streams, spools).catch(fail);
  if (failure !== undefined) throw spoolError(failure);
  return { ...(talk.end as ConversationEnd), ...paths, timingsMs: timings(talk, endedAt, destroyedAt) };
}

/** A compiler that the kernel killed looks like any failed build; what the control group saw says why. */
export function withMemoryLimit(report: ProtocolReport, killedForMemory: boolean): ProtocolReport {
  if (!killedForMemory || report.result?.status === 'ok' || report.end === 'cancelled') return report;
  const { result: _, ...rest } = report;
  return { ...rest, end: 'limit', limit: 'memory', sentence: 'The guest used more memory than allowed.' };
}

/** The driver's report: what the talk gave, and what the driver knows of itself. */
export function guestReport(
  report: ProtocolReport,
  machine: Pick<GuestReport, 'driver' | 'reset' | 'isolation' | 'machineVersion' | 'tries'>,
): GuestReport {
  const { ready, ...others } = report.timingsMs;
  return {
    end: report.end,
    sentence: report.sentence,
    ...(report.limit ? { limit: report.limit } : {}),
    ...(report.result ? { result: report.result } : {}),
    log: report.log,
    output: report.output,
    ...machine,
    timingsMs: { reset: ready, ...others },
  };
}

/** What makes a guest differ from its siblings: randomness, clock, identity. */
export function helloFor(job: string, nonce: string): Hello {
  return {
    type: 'hello',
    protocol: PROTOCOL,
    random: randomBytes(64).toString('base64'),
    time: Date.now() / 1000,
    job,
    nonce,
    machineId: randomBytes(16).toString('hex'),
    hostName: 'rennet-guest',
  };
}

function runOrder(job: GuestJob, nonce: string, service: GuestService | undefined): Run {
  const order = { type: 'run', nonce, processes: job.limits.processes } as const;
  return service === undefined ? order : { ...order, service: service.order };
}

/** The service of a job that has one. What comes on the channel that the job has not is a forgery. */
async function openJobService(
  { service: port, output }: GuestStreams,
  job: GuestJob,
  talk: () => Conversation,
  move: (next: Conversation) => void,
): Promise<GuestService | undefined> {
  const forge = (sentence: string): void => move(hearForgery(talk(), sentence));
  port.on('error', () => {});
  if (job.channel !== 'service') {
    port.on('data', () => forge('The guest used the service, which its job does not have.'));
    return undefined;
  }
  const service = await openService(port, job.input, job.limits.outputBytes, {
    onActivity: () => move(hearService(talk(), Date.now())),
    onForgery: forge,
  });
  output.on('data', () => forge('The guest sent output beside the service, which its job has for that.'));
  // The machine is gone: no more of the result will come.
  output.on('close', () => service.close());
  return service;
}

function listen(control: Duplex, talk: () => Conversation, move: (next: Conversation) => void): void {
  const cutter = createLineCutter();
  control.on('data', (chunk: Buffer) => {
    const { lines, tooLong } = cutter.push(chunk);
    for (const line of lines) move(hearLine(talk(), line, Date.now()));
    if (tooLong) move(hearEndlessLine(talk()));
  });
  const close = (): void => move(hearClose(talk(), 'control'));
  control.on('end', close);
  control.on('close', close);
  control.on('error', close);
  control.resume(); // it was heard before where it waited or rehearsed
  // A guest that waited for this job may have died while nobody listened.
  if (control.destroyed || control.readableEnded) close();
}

/** The guest is dead: what its channels still hold is spooled within a deadline, then they are let go. */
async function drain(streams: GuestStreams, spools: readonly Spool[]): Promise<void> {
  const timer = setTimeout(() => spools.forEach((spool) => spool.stop()), DRAIN_MS);
  try {
    await Promise.all(spools.map((spool) => spool.done));
  } finally {
    clearTimeout(timer);
    streams.control.destroy();
    streams.log.destroy();
    streams.output.destroy();
    streams.service.destroy();
  }
}

function timings(talk: Conversation, endedAt: number, destroyedAt: number): ProtocolReport['timingsMs'] {
  const readyAt = talk.readyAt ?? endedAt;
  const resultAt = talk.resultAt ?? endedAt;
  return {
    ready: readyAt - talk.startedAt,
    run: resultAt - readyAt,
    collect: endedAt - resultAt,
    teardown: destroyedAt - endedAt,
  };
}

function spoolError(cause: unknown): RennetError {
  if (cause instanceof RennetError) return cause;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new RennetError(
    full ? 'no-space' : 'state-unwritable',
    `The guest's ${full ? 'log or output does not fit on this host' : 'log or output cannot be written'}: ${cause instanceof Error ? cause.message : String(cause)}.`,
    'Free some space, or choose another state folder, and run the command again.',
    { cause },
  );
}
