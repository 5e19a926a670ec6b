import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from './model/errors.ts';
import type { GuestReport } from './model/machine.ts';
import { AttemptEnd, type LedgerLine, type Outcome } from './model/outcome.ts';
import type { Target } from './model/target.ts';
import type { FlowPorts, PlanPorts } from './ports.ts';
import { startStopwatch, type Stopwatch } from './stopwatch.ts';
import type { Attempt, AttemptEnding } from './store/records.ts';

/** What the stages of a running attempt write down; all of it is kept, whatever the outcome. */
export interface RunningAttempt {
  readonly id: string;
  /** Scratch folder, removed at the end. */
  readonly folder: string;
  readonly watch: Stopwatch;
  readonly ledger: LedgerLine[];
  /** Facts for the record: package, versions, provenance. */
  readonly found: { -readonly [K in keyof AttemptEnding]?: AttemptEnding[K] };
  /** Books a guest's timings, its isolation and its log. */
  guestEnded(title: string, report: GuestReport): void;
}

/** One guest of an attempt, as the attempt's record keeps it. */
export type AttemptGuest = { readonly title: string } & Pick<GuestReport, 'reset' | 'isolation' | 'timingsMs'>;
const LEAST_FIRST = ['none', 'emulated', 'hardware'] as const;

export interface AttemptRequest {
  readonly project: string;
  readonly version: string;
  readonly target: Target;
  /** Monotonic clock at the start of the command's work on it, so that planning counts. */
  readonly startedAt: number;
  readonly planMs: number;
  /** Told of what was thrown, unless a stage ended the attempt on purpose (AttemptEnd): programs want its code. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Records one attempt from begin to end: `stages` gives the outcome or throws; either way the attempt ends in the
 * store with its sentence, ledger, timings and log. Rejects only where the store does: nothing else can be recorded then.
 */
export async function recordAttempt(
  request: AttemptRequest,
  ports: PlanPorts & Partial<FlowPorts>,
  stages: (attempt: RunningAttempt) => Promise<Outcome>,
  signal: AbortSignal,
): Promise<Attempt> {
  const { project, version, target } = request;
  const id = await ports.store.beginAttempt({
    project,
    version,
    suite: target.suite,
    architecture: target.architecture,
    ...(ports.driver ? { driver: ports.driver.name, reset: ports.reset } : {}),
  });
  const folder = join(ports.state.attempts, `${id}.work`);
  const logs: { title: string; path: string }[] = [];
  const guests: AttemptGuest[] = [];
  const watch = startStopwatch(request.startedAt);
  watch.book('plan', request.planMs);
  const attempt: RunningAttempt = {
    id,
    folder,
    watch,
    ledger: [],
    found: {},
    guestEnded(title, report) {
      const { driver, isolation, reset, timingsMs } = report;
      logs.push({ title, path: report.log });
      guests.push({ title, reset, isolation, timingsMs });
      attempt.found.driver = driver;
      // Of several guests the one that says more: that started otherwise than was asked for, that was isolated least.
      attempt.found.reset = guests.find((it) => it.reset !== ports.reset)?.reset ?? reset;
      attempt.found.isolation = LEAST_FIRST.find((least) => guests.some((it) => it.isolation === least)) ?? isolation;
    },
  };
  const work = async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return stages(attempt);
  };
  try {
    const { kind, sentence, ...details } = await outcomeOf(work, attempt, request, signal);
    // A log that cannot be kept (a full disk) changes nothing of the outcome: the package may be published by now.
    const kept = await keepLog(logs, folder, ports).catch((error: unknown) => ({ lost: reasonOf(error) }));
    await ports.store.endAttempt(id, {
      ...attempt.found,
      ...(guests.length === 0 ? {} : { evidence: { ...attempt.found.evidence, guests } }),
      ...details,
      outcome: kind,
      sentence: kept && 'lost' in kept ? `${sentence} Its log could not be kept: ${kept.lost}` : sentence,
      ...(kept && 'log' in kept ? { log: kept.log } : {}),
      timingsMs: watch.timings(),
      ledger: attempt.ledger,
    });
  } finally {
    // What cannot be removed now the next start removes; it must not hide how the attempt ended.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  const ended = await ports.store.attempt(id);
  if (!ended) throw new RennetError('defect', `Attempt ${id} vanished from the database.`);
  return ended;
}

async function outcomeOf(
  stages: () => Promise<Outcome>,
  attempt: RunningAttempt,
  { onError }: AttemptRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return await stages();
  } catch (thrown) {
    // ^C, or the database let go of the lock under which the work went on; what the stages throw then are its echoes.
    const error: unknown = signal.aborted ? signal.reason : thrown;
    if (error instanceof AttemptEnd) {
      attempt.ledger.push(...error.ledger);
      return error.outcome;
    }
    onError?.(error);
    return outcomeOfError(error);
  }
}

/** What an error means for the attempt: the release's own fault, or nobody's in the package. */
export function outcomeOfError(error: unknown): Outcome {
  if (!(error instanceof RennetError)) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    const text = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return {
      kind: 'infrastructure',
      sentence: full
        ? 'A file system is full; free space in the state folder or in /dev/shm and run the same command again.'
        : `Rennet itself failed: ${text}`,
    };
  }
  const sentence = error.hint === '' ? error.message : `${error.message} ${error.hint}`;
  if (error.kind !== 'package') return { kind: error.code === 'cancelled' ? 'cancelled' : 'infrastructure', sentence };
  switch (error.code) {
    case 'unmappable-version':
      return { kind: 'held', rule: error.code, sentence };
    case 'unknown-project':
    case 'unknown-version':
      return { kind: 'no-source', sentence };
    case 'bad-metadata':
      return { kind: 'build-failed', class: 'bad-metadata', sentence };
    default:
      return { kind: 'rejected', rule: error.code, sentence };
  }
}

function reasonOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
  return text.endsWith('.') ? text : `${text}.`;
}

/** Joins the guests' logs, each under a title, into one blob. The bytes stay as they came. */
async function keepLog(
  logs: readonly { title: string; path: string }[],
  folder: string,
  ports: PlanPorts,
): Promise<{ log: string } | undefined> {
  if (logs.length === 0) return undefined;
  const path = join(folder, 'log');
  const file = await open(path, 'wx', 0o600);
  try {
    for (const { title, path: part } of logs) {
      await file.write(`── ${title} ──\n`);
      for await (const chunk of createReadStream(part)) await file.write(chunk as Buffer);
      await file.write('\n');
    }
  } finally {
    await file.close();
  }
  return { log: await ports.store.putBlob(path) };
}
