import { formatTarget } from '../model/target.ts';
import type { Attempt } from '../store/records.ts';

/** An ended attempt as programs see it (DESIGN, "JSON lines"). */
export function attemptEvent(attempt: Attempt): Record<string, unknown> {
  return {
    attempt: attempt.id,
    project: attempt.project,
    version: attempt.version,
    target: formatTarget(attempt),
    outcome: attempt.outcome,
    class: attempt.class,
    rule: attempt.rule,
    limit: attempt.limit,
    sentence: attempt.sentence,
    package: attempt.package,
    packageVersion: attempt.packageVersion,
    file: attempt.evidence['file'],
    driver: attempt.driver,
    reset: attempt.reset,
    isolation: attempt.isolation,
    timingsMs: attempt.timingsMs,
  };
}
