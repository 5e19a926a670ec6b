/** How an attempt ended; exactly one for every attempt. */
export type OutcomeKind =
  | 'published'
  | 'kept'
  | 'skipped-official'
  | 'held'
  | 'unsatisfiable'
  | 'no-source'
  | 'not-for-target'
  | 'build-failed'
  | 'check-failed'
  | 'rejected'
  | 'limit'
  | 'infrastructure'
  | 'cancelled';

/** Why a build or a check failed; `unknown` is a class too and is counted. */
export type FailureClass =
  | 'missing-header'
  | 'missing-library'
  | 'missing-program'
  | 'missing-pkg-config'
  | 'missing-module'
  | 'missing-file'
  | 'python-2'
  | 'compiler-error'
  | 'needs-network'
  | 'back-end-error'
  | 'no-wheel'
  | 'bad-metadata'
  | 'import-error'
  | 'install-error'
  | 'script-error'
  | 'missing-extension'
  | 'lost-file'
  | 'build-path'
  | 'killed'
  | 'unknown';

/** Which bound a guest ran into. */
export type LimitKind = 'time' | 'idle' | 'memory' | 'disk' | 'output' | 'log' | 'files';

/** The end of an attempt: a sentence for people and data for programs. */
export interface Outcome {
  readonly kind: OutcomeKind;
  /** One sentence: what happened, whose fault it is, what to do next. */
  readonly sentence: string;
  readonly class?: FailureClass;
  /** Name of the admission rule of a rejection or a hold. */
  readonly rule?: string;
  readonly limit?: LimitKind;
  /** The line of the log that shows it. */
  readonly logLine?: string;
}

/** What became of one upstream fact. */
export interface LedgerLine {
  readonly kind: 'requirement' | 'extra' | 'entry-point' | 'file' | 'field' | 'hint';
  /** The fact as upstream wrote it. */
  readonly fact: string;
  readonly fate: 'translated' | 'approximated' | 'interpreter' | 'not-for-target' | 'left-out' | 'unsatisfiable';
  /** What it became, or why it was left out. */
  readonly detail: string;
}

/** Steps of an attempt that are timed, in milliseconds, in the order of the flow. */
export const TIMED_STAGES = [
  'plan',
  'download',
  'stage',
  'reset',
  'build',
  'collect',
  'admit',
  'assemble',
  'check',
  'tests',
  'publish',
] as const;
export type TimedStage = (typeof TIMED_STAGES)[number];
export type Timings = Partial<Record<TimedStage, number>> & { total?: number };

/** Ends an attempt from within a stage; the flow catches it and records the outcome. */
export class AttemptEnd extends Error {
  readonly outcome: Outcome;
  /** What became of upstream facts up to here; kept with the attempt. */
  readonly ledger: readonly LedgerLine[];

  constructor(outcome: Outcome, ledger: readonly LedgerLine[] = []) {
    super(outcome.sentence);
    this.name = 'AttemptEnd';
    this.outcome = outcome;
    this.ledger = ledger;
  }
}
