import { z } from 'zod';

const schema = z.object({
  /** `passed`, `failed`: they ran. `none`: there is nothing to run. `not-run`: they could not be run, or not to their end. */
  status: z.enum(['passed', 'failed', 'none', 'not-run']),
  sentence: z.string(),
  runner: z.enum(['pytest', 'unittest', 'command']).optional(),
  passed: z.number(),
  failed: z.number(),
  errors: z.number(),
  skipped: z.number(),
  /** Names of the first tests that failed, as the guest told them. */
  failing: z.array(z.string()),
  /** A sentence for each declared requirement of the tests that no package meets. */
  unmet: z.array(z.string()),
});

/** What became of upstream's tests; kept with the attempt, decides nothing. The guest's word: package code may have forged it. */
export type TestReport = z.infer<typeof schema>;

/** A report of tests that did not run, or not to their end. */
export function notRun(why: string): TestReport {
  return { ...NOTHING, status: 'not-run', sentence: `Upstream's tests did not run: ${ended(why)}` };
}

/** A report of a release that has nothing to run. */
export function nothingToRun(why: string): TestReport {
  return { ...NOTHING, status: 'none', sentence: `Upstream's tests were not run: ${ended(why)}` };
}

const NOTHING = { passed: 0, failed: 0, errors: 0, skipped: 0, failing: [], unmet: [] };

function ended(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

/** The report of an attempt's evidence; undefined where its tests were not asked for. */
export function testReportOf(evidence: Readonly<Record<string, unknown>>): TestReport | undefined {
  return schema.safeParse(evidence['tests']).data;
}

/** Lines for people. */
export function explainTests(report: TestReport): string[] {
  const { sentence, failing, failed, errors, unmet } = report;
  const more = failed + errors - failing.length;
  return [
    sentence,
    ...failing.map((name) => `  failed: ${name}`),
    ...(failing.length > 0 && more > 0 ? [`  … and ${more} more`] : []),
    ...unmet.map((each) => `  not met for them: ${each}`),
  ];
}
