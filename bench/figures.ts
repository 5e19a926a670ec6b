/** The figures of one measured thing, as every bench prints them (DESIGN, "JSON lines"). */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

/** Sums up samples; at least one is needed. p95 is the nearest rank. */
export function figureOf(name: string, unit: string, samples: readonly number[]): Figure {
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  const middle = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? rank(0.5) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
  return { name, unit, median, p95: rank(0.95), min: rank(0), max: rank(1), n: sorted.length };
}

/** How many of how many. */
export interface Share {
  readonly count: number;
  readonly of: number;
  /** Per cent, to a tenth; undefined of nothing. */
  readonly percent: number | undefined;
}

export function shareOf(count: number, of: number): Share {
  return { count, of, percent: of === 0 ? undefined : Math.round((1000 * count) / of) / 10 };
}

/** A share as a figure: one value, `n` what it is a share of; undefined of nothing. */
export function figureOfShare(name: string, { of, percent }: Share): Figure | undefined {
  if (percent === undefined) return undefined;
  return { name, unit: '%', median: percent, p95: percent, min: percent, max: percent, n: of };
}

/** `41 of 82 (50.0 %)`. */
export function formatShare({ count, of, percent }: Share): string {
  return percent === undefined ? 'n/a' : `${count} of ${of} (${percent.toFixed(1)} %)`;
}
