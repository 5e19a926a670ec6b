import { type Share, shareOf } from '../figures.ts';
import type { CorpusCase } from './read.ts';

/** Two runs over the same list: with another driver, or before and after a change. */
export interface Comparison {
  /** The same outcome and class, of all that have ended in both. */
  readonly agreement: Share;
  readonly differing: readonly { readonly project: string; readonly here: string; readonly there: string }[];
}

/** Compares cases by project. Pure. */
export function compareCases(here: readonly CorpusCase[], there: readonly CorpusCase[]): Comparison {
  const others = new Map(there.map((it) => [it.project, it]));
  const both = here.flatMap((it) => {
    const other = others.get(it.project);
    return it.end && other?.end ? [{ project: it.project, here: endOf(it), there: endOf(other) }] : [];
  });
  const differing = both.filter((it) => it.here !== it.there);
  return { agreement: shareOf(both.length - differing.length, both.length), differing };
}

function endOf(it: CorpusCase): string {
  return it.class === '' ? it.outcome : `${it.outcome}, ${it.class}`;
}

/** For people. */
export function compareText({ agreement, differing }: Comparison, name: string): string {
  const lines = differing.map(({ project, here, there }) => `\n    ${project}: ${here} here, ${there} there`);
  return `The same outcome as in ${name}: ${agreement.count} of the ${agreement.of} projects that have ended in both.${lines.join('')}`;
}
