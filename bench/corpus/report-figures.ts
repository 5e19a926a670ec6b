import { type Figure, figureOfShare, type Share } from '../figures.ts';
import { targetName } from './layout.ts';
import type { TargetReport } from './report-text.ts';
import type { Group } from './sum.ts';

/** Every figure of one target, as `figure` events say them: `corpus.<suite>-<arch>.success` and so on. Pure. */
export function corpusFigures({ target, summary }: TargetReport): Figure[] {
  const prefix = figurePrefix(target);
  const shares: [string, Share | undefined][] = [
    ...groupShares(prefix, summary),
    ...summary.outcomes.map(({ outcome, share }): [string, Share] => [`${prefix}.outcome.${outcome}`, share]),
    ...summary.strata.flatMap((group) => groupShares(`${prefix}.stratum.${group.name}`, group)),
  ];
  const figures = shares.flatMap(([name, share]) => (share ? (figureOfShare(name, share) ?? []) : []));
  return [...figures, ...summary.stages];
}

export function figurePrefix(target: TargetReport['target']): string {
  return `corpus.${targetName(target)}`;
}

function groupShares(prefix: string, group: Omit<Group, 'name'>): [string, Share | undefined][] {
  return [
    [`${prefix}.success`, group.success],
    [`${prefix}.unknown`, group.unknown],
    [`${prefix}.pip`, group.reference?.pip],
    [`${prefix}.success-of-pip`, group.reference?.success],
  ];
}
