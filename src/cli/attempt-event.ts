import { z } from 'zod';
import type { ResetStrategy } from '../model/machine.ts';
import { formatTarget } from '../model/target.ts';
import type { Attempt } from '../store/records.ts';
import { testReportOf } from '../tests/report.ts';

/** What people are told when a guest booted although a template was asked for; empty where that is no news. */
export function resetNote(asked: ResetStrategy, attempt: Pick<Attempt, 'driver' | 'reset'>): string {
  const booted = attempt.driver === 'qemu' && asked === 'memory' && attempt.reset === 'overlay';
  return booted
    ? 'Its guest booted: no template could be used, so it took some seconds more (rennet template verify).'
    : '';
}

const sourceSchema = z.object({ sentence: z.string(), dsc: z.string().optional() });

/** What became of the source package of an attempt; undefined where none was asked for. */
export function sourceNote(attempt: Attempt): z.infer<typeof sourceSchema> | undefined {
  return sourceSchema.safeParse(attempt.evidence['source']).data;
}

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
    channel: attempt.provenance['channel'],
    prerequisites: attempt.provenance['prerequisites'],
    isolation: attempt.isolation,
    guests: attempt.evidence['guests'],
    tests: testReportOf(attempt.evidence),
    source: sourceNote(attempt)?.dsc,
    madeFrom: attempt.provenance['madeFrom'],
    timingsMs: attempt.timingsMs,
  };
}
