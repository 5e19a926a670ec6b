import { z } from 'zod';
import { runStageGuest } from '../machine/stage-guest.ts';
import type { GuestPorts } from '../model/guest-ports.ts';
import type { GuestReport } from '../model/machine.ts';
import { plainText } from '../model/text.ts';
import { notRun, type TestReport } from './report.ts';

const count = z.int().nonnegative().max(10_000_000);
const message = z.string().max(2000).default('');

const factsSchema = z.discriminatedUnion('ran', [
  z.object({ ran: z.literal(false), message }),
  z.object({
    ran: z.literal(true),
    runner: z.enum(['pytest', 'unittest', 'command']),
    exit: z.int(),
    timedOut: z.boolean(),
    message,
    passed: count,
    failed: count,
    errors: count,
    skipped: count,
    failing: z.array(z.string().max(500)).max(20),
  }),
]);
type TestFacts = z.infer<typeof factsSchema>;

/**
 * Runs upstream's tests in a fresh guest against the installed package. Whatever the guest does is reported: it hangs, reaches a limit, breaks the
 * protocol, tells nonsense. Rejects only where the driver does; a cancelled run is reported, and its caller sees the signal.
 */
export async function runTests(
  attempt: string,
  input: string,
  ports: GuestPorts,
  signal: AbortSignal,
): Promise<TestReport> {
  return readReport(await runStageGuest(`${attempt}-tests`, input, ports, signal));
}

/** What a guest's end says of the tests. Pure. */
export function readReport(report: Pick<GuestReport, 'end' | 'sentence' | 'result'>): TestReport {
  if (report.end !== 'result') return notRun(`they were stopped with their guest: ${report.sentence}`);
  const facts = factsSchema.safeParse(report.result?.facts);
  if (report.result?.status !== 'ok' || !facts.success) return notRun('their guest ended without the agreed answer.');
  return reportOf(facts.data);
}

function reportOf(facts: TestFacts): TestReport {
  const last = oneLine(facts.message);
  if (!facts.ran) return notRun(`they could not be laid out: ${last}`);
  const { runner, passed, failed, errors, skipped, timedOut } = facts;
  const counts = { runner, passed, failed, errors, skipped };
  const failing = facts.failing.map((name) => oneLine(name).slice(0, 200));
  const shown = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(errors > 0 ? [`${errors} with errors`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ');
  const all = passed + failed + errors + skipped;
  const report = (status: TestReport['status'], sentence: string): TestReport => ({
    status,
    sentence,
    ...counts,
    failing,
    unmet: [],
  });
  if (timedOut) return report('failed', `Upstream's tests (${runner}) did not end in time: ${shown}.`);
  // pytest's 5 is "no tests collected"; unittest of Python 3.12 has it as well.
  const isEmpty = all === 0 && (facts.exit === 0 || facts.exit === 5) && runner !== 'command';
  if (isEmpty) return report('none', `Upstream's tests were not run: ${runner} found none.`);
  if (facts.exit === 0) return report('passed', `Upstream's tests (${runner}): ${shown}.`);
  const why = failed + errors > 0 ? '' : `; ${runner} ended with status ${facts.exit}: ${last}`;
  return report('failed', `Upstream's tests (${runner}): ${shown}${why}.`);
}

function oneLine(text: string): string {
  const line = plainText(text).split('\n').at(-1)?.trim() ?? '';
  return line.slice(0, 300).replace(/\.$/, '');
}
