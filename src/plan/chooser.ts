import type { Candidate, Judged, Refusal } from './candidates.ts';

/** How the choice among the releases of one project ended. */
export type Choice<T> =
  | {
      readonly step: 'chosen';
      readonly candidate: Candidate;
      readonly taken: T;
      readonly heldBack: readonly HeldBack[];
    }
  | {
      readonly step: 'none';
      readonly version: string;
      readonly refusal: Refusal;
      readonly heldBack: readonly HeldBack[];
    };

export interface HeldBack {
  readonly version: string;
  readonly reason: string;
}

/** Going back through more releases than this helps nobody. */
export const MAX_METADATA_READS = 20;

/**
 * Chooses the newest release that `weigh` takes, from recorded data alone: the same data give the same choice. `weigh`
 * reads what it needs of a candidate, or refuses it without a look (`unread`), which does not count against the bound.
 */
export async function choose<T>(
  judged: readonly Judged[],
  weigh: (
    candidate: Candidate,
    heldBack: readonly HeldBack[],
  ) => Promise<{ readonly taken: T } | (Refusal & { readonly unread?: boolean })>,
): Promise<Choice<T>> {
  const heldBack: HeldBack[] = [];
  let first: { version: string; refusal: Refusal } | undefined;
  let reads = 0;
  for (const { version, candidate, refusal: onPage } of judged) {
    let refusal = onPage;
    if (candidate !== undefined) {
      if (reads === MAX_METADATA_READS) break;
      const verdict = await weigh(candidate, heldBack);
      if ('taken' in verdict) return { step: 'chosen', candidate, taken: verdict.taken, heldBack };
      reads += verdict.unread === true ? 0 : 1;
      refusal = { as: verdict.as, reason: verdict.reason };
    }
    if (refusal === undefined) continue;
    heldBack.push({ version, reason: refusal.reason });
    // The newest one that is wanted at all tells most: not a pre-release, not a yanked one.
    if (first === undefined || (first.refusal.as === 'held' && refusal.as !== 'held')) first = { version, refusal };
  }
  const { version = '', refusal = { as: 'no-source', reason: 'has no files that can be read' } as const } = first ?? {};
  return { step: 'none', version, refusal, heldBack: heldBack.filter((other) => other.version !== version) };
}
