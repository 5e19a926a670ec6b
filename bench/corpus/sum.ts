import { TIMED_STAGES } from '../../src/model/outcome.ts';
import { type Figure, figureOf, shareOf, type Share } from '../figures.ts';
import { type BuiltPackage, type CorpusCase, isGood } from './read.ts';

export interface Group {
  readonly name: string;
  /** Projects of the list that have ended. */
  readonly ended: number;
  /** Published or official, of those that have a source and fit the target. */
  readonly success: Share;
  /** Failures of which nobody can say the class, of all. */
  readonly unknown: Share;
  readonly reference?: Reference;
}

/** Against what pip itself manages. Only projects with a result of pip count; for the comparison those that have ended. */
export interface Reference {
  readonly asked: number;
  /** pip installs and imports, of all asked. */
  readonly pip: Share;
  /** Published or official, of those that are official or that pip manages: the rate that counts. */
  readonly success: Share;
  readonly onlyPip: readonly string[];
  readonly onlyRennet: readonly string[];
}

/** The sum over one target. */
export interface Summary extends Omit<Group, 'name'> {
  readonly listed: number;
  readonly outcomes: readonly { readonly outcome: string; readonly share: Share }[];
  readonly classes: readonly { readonly outcome: string; readonly class: string; readonly count: number }[];
  readonly strata: readonly Group[];
  /** Milliseconds; over every package that a guest was started for, those of closures included. */
  readonly stages: readonly Figure[];
  readonly failures: readonly CorpusCase[];
  readonly commits: readonly string[];
}

/** Sums up the cases of one target; those that have not ended count as listed only. `prefix`: of the figures' names. Pure. */
export function sumUp(cases: readonly CorpusCase[], prefix: string): Summary {
  const ended = cases.filter(hasEnded);
  const strata = [...new Set(cases.map(({ stratum }) => stratum))];
  const classes = countBy(ended, (it) => `${it.outcome}\t${classOf(it)}`).filter(([key]) => !key.endsWith('\t'));
  return {
    listed: cases.length,
    ...groupOf(cases),
    outcomes: countBy(ended, ({ outcome }) => outcome).map(([outcome, count]) => ({
      outcome,
      share: shareOf(count, ended.length),
    })),
    classes: classes.map(([key, count]) => {
      const [outcome = '', name = ''] = key.split('\t');
      return { outcome, class: name, count };
    }),
    strata: strata.map((name) => ({ name, ...groupOf(cases.filter(({ stratum }) => stratum === name)) })),
    stages: stagesOf(
      ended.flatMap(({ built }) => built),
      prefix,
    ),
    failures: ended.filter(({ outcome }) => !isGood(outcome)),
    commits: [...new Set(ended.flatMap(({ end }) => end?.commit ?? []))],
  };
}

/** The class of the cause: where the project fell with another, that of the other. */
export function classOf({ class: own, culprits }: CorpusCase): string {
  return own === '' ? (culprits[0]?.class ?? '') : own;
}

/** Projects without any source, or not meant for the target, are nobody's failure. */
const OUT_OF_SCOPE: ReadonlySet<string> = new Set(['no-source', 'not-for-target']);
const hasEnded = ({ end }: CorpusCase): boolean => end !== undefined;
const isSuccess = ({ outcome }: CorpusCase): boolean => outcome === 'published' || outcome === 'skipped-official';

function groupOf(cases: readonly CorpusCase[]) {
  const ended = cases.filter(hasEnded);
  const inScope = ended.filter(({ outcome }) => !OUT_OF_SCOPE.has(outcome));
  const reference = referenceOf(cases);
  return {
    ended: ended.length,
    success: shareOf(inScope.filter(isSuccess).length, inScope.length),
    unknown: shareOf(ended.filter((it) => !isGood(it.outcome) && classOf(it) === 'unknown').length, ended.length),
    ...(reference === undefined ? {} : { reference }),
  };
}

function referenceOf(cases: readonly CorpusCase[]): Reference | undefined {
  const asked = cases.filter(({ pip }) => pip !== undefined && pip.class !== 'infrastructure');
  if (asked.length === 0) return undefined;
  const byPip = (it: CorpusCase) => it.pip?.ok === true;
  const both = asked.filter(hasEnded);
  const base = both.filter((it) => it.outcome === 'skipped-official' || byPip(it));
  const names = (them: readonly CorpusCase[]) => them.map(({ project }) => project);
  return {
    asked: asked.length,
    pip: shareOf(asked.filter(byPip).length, asked.length),
    success: shareOf(base.filter(isSuccess).length, base.length),
    onlyPip: names(both.filter((it) => byPip(it) && !isSuccess(it))),
    onlyRennet: names(both.filter((it) => !byPip(it) && isSuccess(it))),
  };
}

function stagesOf(built: readonly BuiltPackage[], prefix: string): Figure[] {
  return [...TIMED_STAGES, 'total'].flatMap((stage) => {
    const samples = built.flatMap(({ timingsMs }) => timingsMs[stage] ?? []);
    return samples.length === 0 ? [] : [figureOf(`${prefix}.stage.${stage}`, 'ms', samples)];
  });
}

/** Most frequent first, then by name. */
function countBy<T>(items: readonly T[], key: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
}
