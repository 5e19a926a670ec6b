import type { GuestReport } from './machine.ts';
import type { Outcome } from './outcome.ts';

/** The outcome of an attempt whose guest ended without a result; `doing` says what it was doing, for the sentence. */
export function outcomeOfEnd(report: GuestReport, doing: 'build' | 'check'): Outcome {
  const failed = doing === 'build' ? 'build-failed' : 'check-failed';
  switch (report.end) {
    case 'limit':
      return { kind: 'limit', ...(report.limit ? { limit: report.limit } : {}), sentence: report.sentence };
    case 'cancelled':
      return { kind: 'cancelled', sentence: report.sentence };
    case 'power-off':
      return { kind: failed, class: 'killed', sentence: report.sentence };
    case 'forged':
      return { kind: 'rejected', rule: 'guest-protocol', sentence: report.sentence };
    default:
      return { kind: 'infrastructure', sentence: report.sentence };
  }
}
