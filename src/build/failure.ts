import { open } from 'node:fs/promises';
import type { Missing } from '../model/missing.ts';
import { AttemptEnd, type Outcome } from '../model/outcome.ts';
import type { Recipe } from '../model/recipe.ts';
import { plainText } from '../model/text.ts';
import { classifyLog, exhaustion, otherPlatformLine } from './classify.ts';
import { failureSentence } from './sentences.ts';

/** As guest/shared_libraries.py says it. */
const UNOWNED = /^UnownedLibrary: (?<file>\S{1,300}) links to (?<library>\S{1,200})$/;
const LOG_TAIL_BYTES = 4 * 1024 * 1024;

/** A build that failed for want of something that the suite may have. */
export class BuildFailure extends AttemptEnd {
  /** Hostile names; what is surest first. */
  readonly missing: readonly Missing[];

  constructor(outcome: Outcome, missing: readonly Missing[]) {
    super(outcome);
    this.missing = missing;
  }
}

/** How a build ended that failed at `message` (the guest's last words), as its log shows it. */
export async function failureOf(
  { project, version }: Recipe,
  facts: { readonly step: string; readonly message: string },
  logPath: string,
): Promise<AttemptEnd> {
  const release = `${project} ${version}`;
  if (facts.step === 'prerequisites') return new AttemptEnd(notInstalled(release, facts.message));
  const log = await tailOf(logPath);
  const full = exhaustion(log);
  if (full !== undefined) {
    const what = full.limit === 'disk' ? "filled the guest's disk, which is a part of its memory" : 'ran out of memory';
    return new AttemptEnd({ kind: 'limit', ...full, sentence: `${release}: the build ${what}.` });
  }
  const elsewhere = otherPlatformLine(log);
  if (elsewhere !== undefined) {
    const sentence = `${release} is made for another platform, as its build says: ${elsewhere.replace(/[.!]?$/, '.')}`;
    return new AttemptEnd({ kind: 'not-for-target', sentence, logLine: elsewhere });
  }
  const unowned = UNOWNED.exec(facts.step === 'libraries' ? facts.message : '')?.groups;
  if (unowned) {
    const { file = '', library = '' } = unowned;
    const sentence = `${release} was built, but its ${plainText(file)} links to ${plainText(library)}, which no package of the suite answers for that the build had.`;
    const outcome = { kind: 'build-failed', class: 'missing-library', rule: 'library-owner', sentence } as const;
    return new BuildFailure(outcome, [{ kind: 'shared-library', name: plainText(library) }]);
  }
  // The status alone says less than the last line of the log.
  const words = /^ended with status (?!139$)\d+$/.test(facts.message) ? '' : facts.message;
  const finding = classifyLog(words === '' ? log : `${log}\n${words}`);
  // A setup.py that ends the interpreter in peace (`sys.exit(0)`) leaves neither a wheel nor a reason.
  const hasNoWheel =
    facts.step === 'collect' || facts.step === 'libraries' || /^SystemExit: (?:0|None|False)$/.test(facts.message);
  const isNoWheel = hasNoWheel && (finding.class === 'unknown' || finding.subject.startsWith('SystemExit'));
  return new BuildFailure(
    {
      kind: 'build-failed',
      class: isNoWheel ? 'no-wheel' : finding.class,
      sentence: `${release}: ${isNoWheel ? failureSentence('no-wheel', '') : finding.sentence}`,
      logLine: finding.logLine,
    },
    finding.missing,
  );
}

/** Whatever keeps official packages from being installed, the release did not do it: nothing of it has run. */
function notInstalled(release: string, message: string): Outcome {
  const why = plainText(message)
    .replace(/^E: /, '')
    .replace(/[.!]?$/, '.');
  const sentence = `apt-get in the guest could not install what the build of ${release} requires: ${why} --prerequisites layers does without it.`;
  return { kind: 'infrastructure', sentence };
}

/** The last part of a spooled log; hostile bytes, decoded with replacement. */
async function tailOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_TAIL_BYTES);
    const buffer = Buffer.alloc(length);
    await file.read(buffer, 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await file.close();
  }
}
