import type { Missing } from '../model/missing.ts';
import type { FailureClass } from '../model/outcome.ts';
import { plainText } from '../model/text.ts';
import type { Pattern } from './missing-patterns.ts';
import { PATTERNS } from './patterns.ts';
import { failureSentence } from './sentences.ts';

export interface LogFinding {
  readonly class: FailureClass;
  /** What the line names: a missing thing, or the compiler's own words. */
  readonly subject: string;
  readonly sentence: string;
  /** The line of the log that shows it, without control characters. */
  readonly logLine: string;
  /** Everything that the log says is missing and that a suite may have: what was found first, then what is less sure. */
  readonly missing: readonly Missing[];
}

const READ_LINES = 4000;
const READ_CHARACTERS = 700;
const MAX_MISSING = 12;
/** How far above a line its reason may stand: a traceback has two lines for each call. */
const ABOVE = 5;

/** Finds the class of a failed build in its log: the last lines say most, so they are read first. */
export function classifyLog(log: string): LogFinding {
  const lines = lastLines(log);
  const missing = new Map<string, Missing>();
  let first: { pattern: Pattern; subject: string; line: string } | undefined;
  for (const pattern of PATTERNS) {
    if (first !== undefined && pattern.kind === undefined) continue;
    for (const [index, line] of lines.entries()) {
      const match = pattern.line.exec(line);
      if (!match || !isBelow(pattern, lines, index)) continue;
      const names = [pattern.subject, ...match.slice(1)].filter((name) => name !== undefined);
      first ??= { pattern, subject: (names[0] ?? '').slice(0, 200), line };
      if (pattern.kind === undefined) break;
      for (const name of names) missing.set(`${pattern.kind} ${name}`, { kind: pattern.kind, name });
    }
  }
  if (first === undefined) {
    const logLine = (lines.find((line) => line !== '') ?? '').slice(0, 300);
    return { class: 'unknown', subject: '', sentence: failureSentence('unknown', ''), logLine, missing: [] };
  }
  const { pattern, subject, line } = first;
  return {
    class: pattern.class,
    subject,
    sentence: failureSentence(pattern.class, subject, pattern.sentence),
    logLine: line.slice(0, 300),
    missing: pattern.kind === undefined ? [] : [...missing.values()].slice(0, MAX_MISSING),
  };
}

/** The last line first; bounded, because a log is hostile. */
function lastLines(log: string): string[] {
  const lines = log.split('\n').slice(-READ_LINES).toReversed();
  return lines.map((line) => plainText(line.slice(0, READ_CHARACTERS)).trim());
}

function isBelow({ above }: Pattern, lines: readonly string[], index: number): boolean {
  return above === undefined || lines.slice(index + 1, index + 1 + ABOVE).some((line) => above.test(line));
}

/** What the guest ran out of, as its log shows it, which is no fault of the source. */
export function exhaustion(log: string): { limit: 'disk' | 'memory'; logLine: string } | undefined {
  for (const line of lastLines(log)) {
    const limit = line.includes('No space left on device') ? 'disk' : OUT_OF_MEMORY.test(line) ? 'memory' : undefined;
    if (limit !== undefined) return { limit, logLine: line.slice(0, 300) };
  }
  return undefined;
}

const OUT_OF_MEMORY =
  /virtual memory exhausted|cannot allocate memory|out of memory allocating|Killed signal terminated program|^MemoryError\b|std::bad_alloc|LLVM ERROR: out of memory/i;

/** Words with which a build says that it was made for something else than any Linux. */
const ELSEWHERE =
  /\b(?:requires?|only (?:supports?|works on|runs on|available (?:on|for))|only (?:be )?(?:supported|built|installed|used) (?:on|for)|must be (?:built|run|installed) on|(?:is|are) (?:only )?for)\s{1,3}(?:(?:a|the)\s)?(macOS|Mac OS X|OS X|Darwin|Windows|win32|iOS|Android|FreeBSD)\b/i;

/** The line in which a build refuses every Linux; undefined where none does. */
export function otherPlatformLine(log: string): string | undefined {
  // Only the end counts: what failed says it last.
  return lastLines(log)
    .slice(0, 20)
    .find((line) => ELSEWHERE.test(line))
    ?.slice(0, 300);
}
