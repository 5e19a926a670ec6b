import type { ErrorCode } from '../model/errors.ts';
import type { GuestLimits, GuestReport, GuestResult } from '../model/machine.ts';
import type { LimitKind } from '../model/outcome.ts';
import { parseGuestLine, type GuestMessage } from './messages.ts';

/**
 * The host's side of the talk with one guest, as a pure state machine: no streams, no clock of its own.
 *
 *     booting ──ready──▶ running ──result──▶ collecting ──all output, right digest──▶ ended (result)
 *
 * Every state may end early: a limit, a forged message, a closed channel, an abort. `ended` is final.
 */
export interface Conversation {
  readonly phase: 'booting' | 'running' | 'collecting' | 'ended';
  readonly terms: Terms;
  readonly startedAt: number;
  readonly readyAt?: number;
  readonly resultAt?: number;
  /** Last sign of life: log, output or message. */
  readonly lastAt: number;
  readonly seenWaiting: boolean;
  readonly phases: number;
  /** The last one that the guest named. */
  readonly phaseName?: string;
  readonly logBytes: number;
  readonly outputBytes: number;
  readonly claim?: Extract<GuestMessage, { type: 'result' }>;
  readonly end?: ConversationEnd;
}

/** What was agreed before the first byte; times are milliseconds since 1970. */
export interface Terms {
  readonly nonce: string;
  readonly readyMs: number;
  readonly limits: GuestLimits;
  /** True when no guest before gave these 16 bytes (hex); remembers them. */
  readonly isFresh: (random: string) => boolean;
}

export interface ConversationEnd {
  readonly end: GuestReport['end'];
  readonly limit?: LimitKind;
  readonly result?: GuestResult;
  readonly sentence: string;
  /** For `infrastructure`: which error, so that a driver can boot again. */
  readonly code?: Extract<ErrorCode, 'boot-failed' | 'guest-refused'>;
}

const MAX_PHASES = 100;
const MAX_CLOCK_ERROR_MS = 2000;

export function beginConversation(terms: Terms, now: number): Conversation {
  const counters = { seenWaiting: false, phases: 0, logBytes: 0, outputBytes: 0 };
  return { phase: 'booting', terms, startedAt: now, lastAt: now, ...counters };
}

/** A control line came (hostile bytes). */
export function hearLine(talk: Conversation, line: Uint8Array, now: number): Conversation {
  if (talk.phase === 'ended') return talk;
  const message = parseGuestLine(line);
  if (!message) return forged(talk, 'The guest sent a control line that is not a message of the protocol.');
  const alive = { ...talk, lastAt: now };
  switch (message.type) {
    case 'waiting':
      if (talk.seenWaiting || talk.phase !== 'booting') return forged(talk, 'The guest announced itself twice.');
      return { ...alive, seenWaiting: true };
    case 'ready':
      return hearReady(alive, message, now);
    case 'phase':
      if (talk.phase !== 'running' || talk.phases >= MAX_PHASES)
        return forged(talk, 'The guest reported a phase where none is expected.');
      return { ...alive, phases: talk.phases + 1, phaseName: message.name };
    default:
      return hearResult(alive, message, now);
  }
}

function hearReady(talk: Conversation, ready: Extract<GuestMessage, { type: 'ready' }>, now: number): Conversation {
  if (talk.phase !== 'booting') return forged(talk, 'The guest said a second time that it is ready.');
  const refuse = (why: string): Conversation =>
    finish(talk, { end: 'infrastructure', code: 'guest-refused', sentence: `The guest was refused: ${why}.` });
  if (ready.nonce !== talk.terms.nonce) return refuse('it answered with another nonce than its own');
  if (!ready.reseeded) return refuse('it did not reseed its random numbers, which it shares with its siblings');
  // The guest set its clock when it heard hello, so it may lag by the time that its answer took, no more.
  const clock = ready.clock * 1000;
  if (clock < talk.startedAt - MAX_CLOCK_ERROR_MS || clock > now + MAX_CLOCK_ERROR_MS)
    return refuse('its clock is off by more than 2 s');
  if (!talk.terms.isFresh(ready.random)) return refuse('its random bytes were seen from a guest before');
  return { ...talk, phase: 'running', readyAt: now };
}

function hearResult(talk: Conversation, claim: Extract<GuestMessage, { type: 'result' }>, now: number): Conversation {
  if (talk.phase === 'booting') return forged(talk, 'The guest gave a result before it was told to run.');
  if (talk.phase === 'collecting') return forged(talk, 'The guest gave a second result.');
  if (claim.nonce !== talk.terms.nonce) return forged(talk, 'The guest gave a result with another nonce than its own.');
  const { limits } = talk.terms;
  if (claim.bytes > limits.outputBytes) return limit(talk, 'output', outputSentence(limits));
  if (claim.files > limits.outputFiles)
    return limit(talk, 'files', `The guest's output holds more than the ${limits.outputFiles} files allowed.`);
  return compareOutput({ ...talk, phase: 'collecting', resultAt: now, claim });
}

/** `bytes` more came on the log or the output channel. */
export function hearBytes(talk: Conversation, channel: 'log' | 'output', bytes: number, now: number): Conversation {
  if (talk.phase === 'ended') return talk;
  const { limits } = talk.terms;
  if (channel === 'log') {
    const next = { ...talk, lastAt: now, logBytes: talk.logBytes + bytes };
    if (next.logBytes <= limits.logBytes) return next;
    return limit(next, 'log', `The guest wrote more than the ${limits.logBytes} bytes of log allowed.`);
  }
  const next = { ...talk, lastAt: now, outputBytes: talk.outputBytes + bytes };
  if (talk.phase === 'booting') return forged(next, 'The guest sent output before it was told to run.');
  if (next.outputBytes > limits.outputBytes) return limit(next, 'output', outputSentence(limits));
  return compareOutput(next);
}

function compareOutput(talk: Conversation): Conversation {
  if (talk.claim && talk.outputBytes > talk.claim.bytes)
    return forged(talk, 'The guest sent more output than its result says.');
  return talk;
}

/** Bytes came on the service channel of a job that has one. */
export function hearService(talk: Conversation, now: number): Conversation {
  if (talk.phase === 'booting') return forged(talk, 'The guest used its service before it was told to run.');
  return talk.phase === 'ended' ? talk : { ...talk, lastAt: now };
}

/** The guest broke the rules of a channel; the sentence says which. */
export function hearForgery(talk: Conversation, sentence: string): Conversation {
  return forged(talk, sentence);
}

/** True when all output that the result announces has come; the caller then gives its digest to `judgeOutput`. */
export function outputIsComplete(talk: Conversation): boolean {
  return talk.phase === 'collecting' && talk.outputBytes === talk.claim?.bytes;
}

/** The host's own sha512 of the complete output. */
export function judgeOutput(talk: Conversation, sha512: string): Conversation {
  if (!outputIsComplete(talk) || !talk.claim) return talk;
  const { status, facts, files } = talk.claim;
  if (sha512 !== talk.claim.sha512)
    return forged(talk, 'The output of the guest has another digest than its result says.');
  return finish(talk, { end: 'result', result: { status, facts, files, sha512 }, sentence: '' });
}

/** A line passed the bound without ending. */
export function hearEndlessLine(talk: Conversation): Conversation {
  return forged(talk, 'The guest sent a control line longer than the protocol allows.');
}

/** A channel ended: the guest is gone, or wants the host to think so. */
export function hearClose(talk: Conversation, channel: 'control' | 'output'): Conversation {
  if (channel === 'output' && talk.phase !== 'collecting') return talk;
  if (talk.phase === 'booting')
    return finish(talk, {
      end: 'infrastructure',
      code: 'boot-failed',
      sentence: 'The guest ended before it was ready.',
    });
  if (talk.phase === 'collecting') {
    // Control may end first where channels are separate pipes; the rest of the output is still under way.
    if (channel === 'control') return talk;
    return forged(talk, 'The guest ended with less output than its result says.');
  }
  return finish(talk, { end: 'power-off', sentence: 'The guest went off before it gave a result.' });
}

/** Time passed; ends the talk when a deadline is over. */
export function hearTime(talk: Conversation, now: number): Conversation {
  const { limits, readyMs } = talk.terms;
  if (talk.phase === 'ended' || now < nextDeadline(talk)) return talk;
  if (talk.phase === 'booting')
    return finish(talk, {
      end: 'infrastructure',
      code: 'boot-failed',
      sentence: `The guest was not ready within ${readyMs / 1000} s.`,
    });
  if (now >= (talk.readyAt ?? now) + limits.wallMs)
    return limit(talk, 'time', `The guest ran longer than the ${limits.wallMs / 1000} s allowed.`);
  return limit(talk, 'idle', `The guest gave no sign of life for ${limits.idleMs / 1000} s.`);
}

/** When `hearTime` has to be called next, milliseconds since 1970. */
export function nextDeadline(talk: Conversation): number {
  if (talk.phase === 'booting') return talk.startedAt + talk.terms.readyMs;
  const { wallMs, idleMs } = talk.terms.limits;
  return Math.min((talk.readyAt ?? 0) + wallMs, talk.lastAt + idleMs);
}

/** The caller wants it to end. */
export function hearAbort(talk: Conversation): Conversation {
  return finish(talk, { end: 'cancelled', sentence: 'The guest was destroyed because the work was cancelled.' });
}

function outputSentence(limits: GuestLimits): string {
  return `The guest's output is larger than the ${limits.outputBytes} bytes allowed.`;
}

function limit(talk: Conversation, kind: LimitKind, sentence: string): Conversation {
  return finish(talk, { end: 'limit', limit: kind, sentence });
}

function forged(talk: Conversation, sentence: string): Conversation {
  return finish(talk, { end: 'forged', sentence });
}

function finish(talk: Conversation, end: ConversationEnd): Conversation {
  return talk.phase === 'ended' ? talk : { ...talk, phase: 'ended', end };
}
