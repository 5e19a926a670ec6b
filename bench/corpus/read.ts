import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { formatTarget, type Target } from '../../src/model/target.ts';
import { type CaseEnd, caseFiles, readEnd, TIMED_OUT } from './layout.ts';
import type { ListedProject } from './list.ts';
import { type PipResult, readPipResult } from './pip/result.ts';

const attemptLine = z.object({
  event: z.literal('attempt'),
  project: z.string(),
  version: z.string().default(''),
  target: z.string(),
  outcome: z.string(),
  class: z.string().optional(),
  rule: z.string().optional(),
  limit: z.string().optional(),
  sentence: z.string().default(''),
  driver: z.string().optional(),
  timingsMs: z.record(z.string(), z.number()).default({}),
});
const errorLine = z.object({ event: z.literal('error'), code: z.string(), sentence: z.string() });

/** How one project ended, the wanted one or one of its closure. */
export interface Ending {
  readonly project: string;
  readonly version: string;
  readonly outcome: string;
  /** Class of a failure, rule of a rejection, kind of a limit, code of an error; empty where the outcome says it all. */
  readonly class: string;
  readonly sentence: string;
}

export interface BuiltPackage extends Ending {
  readonly timingsMs: Readonly<Record<string, number>>;
}

/** One project of the list for one target. */
export interface CorpusCase extends Ending {
  readonly stratum: string;
  /** Undefined where it has not ended; then `outcome` is empty. */
  readonly end?: CaseEnd;
  /** What failed of its closure, first cause first; empty where the project itself is the cause. */
  readonly culprits: readonly Ending[];
  /** Every attempt of the run that had a guest or made a package. */
  readonly built: readonly BuiltPackage[];
  /** What pip made of it; undefined where nobody asked. */
  readonly pip?: PipResult;
}

/** Fails nothing of what requires it. */
const GOOD: ReadonlySet<string> = new Set(['published', 'kept', 'skipped-official']);

export function isGood(outcome: string): boolean {
  return GOOD.has(outcome);
}

/** Reads what became of a project of the list. `pipFolder`: where the results of pip lie. */
export async function readCase(
  listed: ListedProject,
  target: Target,
  folder: string,
  pipFolder: string,
): Promise<CorpusCase> {
  const files = caseFiles(folder, listed.project);
  const end = await readEnd(files);
  const read = (path: string) => (end === undefined ? '' : readFile(path, 'utf8').catch(() => ''));
  const [lines, said] = [await read(files.lines), await read(files.said)];
  const pip = await readPipResult(caseFiles(pipFolder, listed.project).pip);
  return { ...summariseCase(listed, target, lines, end, said), ...(pip === undefined ? {} : { pip }) };
}

/**
 * Sums up the JSON lines of one `rennet build`. The last attempt of the project itself counts; where there is none, the error that the command
 * ended with, as `infrastructure`. Lines that are no JSON are left out: a killed process leaves half of one. `said`: what it said to people. Pure.
 */
export function summariseCase(
  { project, stratum }: ListedProject,
  target: Target,
  lines: string,
  end: CaseEnd | undefined,
  said = '',
): CorpusCase {
  const events = lines.split('\n').map(parseLine);
  const attempts = events.flatMap((event) => {
    const attempt = attemptLine.safeParse(event);
    return attempt.success && attempt.data.target === formatTarget(target) ? [attempt.data] : [];
  });
  // The bench's own order to end makes it `cancelled`.
  const isLate = end?.status === TIMED_OUT;
  const wanted = attempts.findLast((it) => it.project === project && !(isLate && it.outcome === 'cancelled'));
  const others = attempts.filter((attempt) => attempt.project !== project).map(endingOf);
  const ending = end === undefined ? NOT_ENDED : wanted ? endingOf(wanted) : withoutAttempt(events, end, said);
  return {
    ...ending,
    project,
    stratum,
    ...(end === undefined ? {} : { end }),
    culprits: isGood(ending.outcome) ? [] : culpritsOf(others),
    built: attempts
      .filter(({ driver, timingsMs }) => driver !== undefined || timingsMs['assemble'] !== undefined)
      .map((attempt) => ({ ...endingOf(attempt), timingsMs: attempt.timingsMs })),
  };
}

const NOT_ENDED = { version: '', outcome: '', class: '', sentence: 'Not run yet.' };

function endingOf(attempt: z.infer<typeof attemptLine>): Ending {
  const { project, version, outcome, sentence } = attempt;
  return { project, version, outcome, class: attempt.class ?? attempt.rule ?? attempt.limit ?? '', sentence };
}

function withoutAttempt(events: readonly unknown[], end: CaseEnd, said: string) {
  const error = events.map((event) => errorLine.safeParse(event)).findLast(({ success }) => success)?.data;
  const ending = { version: '', outcome: 'infrastructure' };
  if (end.status === TIMED_OUT)
    return { ...ending, class: 'time-bound', sentence: 'The build was ended: it took longer than the bench allows.' };
  if (error !== undefined) return { ...ending, class: error.code, sentence: error.sentence };
  const last = said.trimEnd().split('\n').at(-1)?.slice(0, 300) ?? '';
  const sentence = `rennet build ended with status ${end.status} and no attempt${last === '' ? '' : `: ${last}`}.`;
  return { ...ending, class: 'no-attempt', sentence };
}

/** Causes before what they brought down: a failure of its own comes before one for the sake of another. Each project once, its last end. */
function culpritsOf(others: readonly Ending[]): Ending[] {
  const last = new Map(others.map((ending) => [ending.project, ending]));
  const failed = [...last.values()].filter(({ outcome }) => !isGood(outcome));
  return failed.toSorted((a, b) => Number(a.outcome === 'unsatisfiable') - Number(b.outcome === 'unsatisfiable'));
}

function parseLine(line: string): unknown {
  try {
    return line === '' ? undefined : JSON.parse(line);
  } catch {
    return undefined;
  }
}
