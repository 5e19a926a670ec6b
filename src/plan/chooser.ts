import { parseVersionParts } from '../model/python-version.ts';
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
  /** A pre-release or withdrawn: nobody expects it. */
  readonly isHeld?: boolean;
}

/** So many releases are read one after the other; what fits is mostly among them. */
export const CLOSE_READS = 20;
/** After them the newest release of each minor series (`1.4`) is read, or of every second or third one: so many at most. */
export const FAR_READS = 40;

/** What `weigh` says of a candidate. `unread`: refused without a look, which does not count against the bounds. */
export type Verdict<T> = { readonly taken: T } | (Refusal & { readonly unread?: boolean });

/**
 * Chooses the newest release that `weigh` takes, from recorded data alone: the same data give the same choice. Far back, where one
 * release stands for its neighbours, what fits may be a little older than the newest that would: the releases between it and
 * the one last refused are halved, as though whatever is newer than one that does not fit did not fit either.
 */
export async function choose<T>(
  judged: readonly Judged[],
  weigh: (candidate: Candidate, heldBack: readonly HeldBack[]) => Promise<Verdict<T>>,
): Promise<Choice<T>> {
  const heldBack: HeldBack[] = [];
  let first: { version: string; refusal: Refusal } | undefined;
  let reads = 0;
  const refuse = (version: string, { as, reason, by }: Refusal): void => {
    heldBack.push({ version, reason, ...(as === 'held' && { isHeld: true }) });
    // The newest one that is wanted at all tells most: not a pre-release, not a yanked one.
    if (first === undefined || (first.refusal.as === 'held' && as !== 'held'))
      first = { version, refusal: { as, reason, ...(by && { by }) } };
  };
  const look = async (candidate: Candidate): Promise<{ taken: T } | undefined> => {
    const verdict = await weigh(candidate, heldBack);
    if ('taken' in verdict) return { taken: verdict.taken };
    reads += verdict.unread === true ? 0 : 1;
    refuse(candidate.version, verdict);
    return undefined;
  };

  const seriesRead = new Set<string>();
  let farSeries: ReadonlySet<string> | undefined;
  let between: Candidate[] = [];
  for (const [at, { version, candidate, refusal }] of judged.entries()) {
    if (candidate === undefined) {
      refuse(version, refusal);
      continue;
    }
    if (reads === CLOSE_READS + FAR_READS) break;
    const series = seriesOf(version);
    if (reads >= CLOSE_READS) farSeries ??= spread(judged.slice(at), seriesRead);
    if (farSeries && (seriesRead.has(series) || !farSeries.has(series))) {
      between.push(candidate);
      continue;
    }
    const before = reads;
    const found = await look(candidate);
    if (found !== undefined) return halve({ candidate, ...found }, between);
    if (reads > before) {
      between = [];
      seriesRead.add(series);
    }
  }
  // Of the last series only its newest was read.
  const oldest = between.pop();
  const last = oldest && (await look(oldest));
  if (oldest && last) return halve({ candidate: oldest, ...last }, between);
  const { version: tells = '', refusal = { as: 'no-source', reason: 'has no files that can be read' } as const } =
    first ?? {};
  return { step: 'none', version: tells, refusal, heldBack: heldBack.filter(({ version }) => version !== tells) };

  /** `newer`: newest first, all older than a refused one and newer than what was found. */
  async function halve(found: { candidate: Candidate; taken: T }, newer: readonly Candidate[]): Promise<Choice<T>> {
    let best = found;
    let [from, to] = [0, newer.length];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const candidate = newer[middle];
      const better = candidate && (await look(candidate));
      if (candidate && better) {
        best = { candidate, ...better };
        to = middle;
      } else from = middle + 1;
    }
    return { step: 'chosen', ...best, heldBack };
  }
}

/** The series that are read far back, evenly spread over those that are left. */
function spread(rest: readonly Judged[], read: ReadonlySet<string>): ReadonlySet<string> {
  const left = [...new Set(rest.filter(({ candidate }) => candidate).map(({ version }) => seriesOf(version)))];
  const unread = left.filter((series) => !read.has(series));
  const step = Math.ceil(unread.length / FAR_READS);
  return new Set(unread.filter((_, at) => at % step === 0));
}

function seriesOf(version: string): string {
  return parseVersionParts(version)?.release.slice(0, 2).join('.') ?? version;
}
