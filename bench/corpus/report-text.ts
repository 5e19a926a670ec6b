import { formatTable } from '../../src/cli/table.ts';
import { formatTarget, type Target } from '../../src/model/target.ts';
import { formatShare } from '../figures.ts';
import type { PipResult } from './pip/result.ts';
import type { CorpusCase } from './read.ts';
import type { Group, Summary } from './sum.ts';

/** What was measured for one target. */
export interface TargetReport {
  readonly target: Target;
  readonly summary: Summary;
  readonly cases: readonly CorpusCase[];
}

const ms = (value: number) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

/** The report on one target for a terminal. Sentences are hostile text: whoever prints it makes it plain. */
export function textReport({ target, summary }: TargetReport): string {
  const { outcomes, classes, stages, failures } = summary;
  const groups = [...summary.strata, { ...summary, name: 'all' }];
  return [
    `${formatTarget(target)}: ${summary.ended} of ${summary.listed} projects have ended${
      summary.commits.length > 0 ? `, Rennet ${summary.commits.join(', ')}` : ''
    }`,
    formatTable(
      ['outcome', 'projects', 'share'],
      outcomes.map(({ outcome, share }) => [outcome, `${share.count}`, `${share.percent?.toFixed(1) ?? 'n/a'} %`]),
      'right',
    ),
    formatTable(GROUP_HEADER, groups.map(groupRow)),
    'success: published or official, of those that have a source and fit the target' +
      (summary.reference ? '; against pip: of those that are official or that pip installs and imports' : ''),
    ...(classes.length === 0
      ? []
      : [
          formatTable(
            ['why', 'class', 'projects'],
            classes.map((it) => [it.outcome, it.class, `${it.count}`]),
          ),
        ]),
    ...(stages.length === 0
      ? []
      : [
          formatTable(
            ['stage', 'median', 'p95', 'max', 'packages'],
            stages.map((it) => [it.name.split('.').at(-1) ?? '', ms(it.median), ms(it.p95), ms(it.max), `${it.n}`]),
            'right',
          ),
        ]),
    ...failures.map(failureText),
    ...againstPip(summary),
  ].join('\n\n');
}

const GROUP_HEADER = ['stratum', 'ended', 'success', 'class unknown', 'pip manages', 'success against pip'];

function groupRow({ name, ended, success, unknown, reference }: Group): string[] {
  const pip = reference ? [formatShare(reference.pip), formatShare(reference.success)] : ['not asked', 'not asked'];
  return [name, `${ended}`, formatShare(success), formatShare(unknown), ...pip];
}

function failureText(it: CorpusCase): string {
  const culprits = it.culprits.map((by) => `\n    because of ${by.project} ${by.version}: ${label(by)}`);
  const pip = it.pip === undefined ? '' : `\n    ${pipText(it.pip)}`;
  return `${it.project} ${it.version}: ${label(it)}\n    ${it.sentence}${culprits.join('')}${pip}`;
}

/** `pip: ok, 1.2`, or why not. */
export function pipText({ ok, version, class: failure, lastLine }: PipResult): string {
  return ok ? `pip: ok, ${version}` : `pip: ${[failure, lastLine].filter((part) => part).join(', ')}`;
}

/** `build-failed, missing-header`. */
export function label(it: { readonly outcome: string; readonly class: string }): string {
  return it.class === '' ? it.outcome : `${it.outcome}, ${it.class}`;
}

function againstPip({ reference }: Summary): string[] {
  if (reference === undefined) return [];
  const list = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));
  return [
    `pip manages and Rennet does not (${reference.onlyPip.length}): ${list(reference.onlyPip)}`,
    `Rennet manages and pip does not (${reference.onlyRennet.length}): ${list(reference.onlyRennet)}`,
  ];
}
