import { quoted } from '../../model/text.ts';
import { RennetError } from '../../model/errors.ts';
import { type CargoLock, readCargoLock } from '../../python/cargo-lock.ts';
import { visitSdist } from '../../python/sdist.ts';
import type { TarMember } from '../../python/tar.ts';

/** The largest real ones (browsers, node runtimes) have half of it. */
const LOCK_BYTES = 1024 * 1024;
const MAX_LOCKS = 8;
/** Crates that no wheel is made of. */
const ASIDE = /(?:^|\/)(?:tests?|testing|docs?|examples?|samples?|bench(?:es|marks?)?|fixtures|fuzz|vendor)\//i;

/**
 * Reads the Cargo.lock files of an sdist (a workspace, or several crates), by the same strict reader as everything else of it: of many the
 * ones nearest to its top, since crates that come along bring locks of their own, which cargo does not look at. Throws `bad-metadata` for
 * one that is too large or broken, `bad-archive` as `readSdist`.
 */
export async function findCargoLocks(path: string, signal: AbortSignal): Promise<readonly CargoLock[]> {
  const found = new Map<string, { readonly member: TarMember; readonly content: Buffer }>();
  const isLock = ({ kind, name }: TarMember) =>
    kind === 'file' && /(?:^|\/)Cargo\.lock$/.test(name) && !ASIDE.test(name);
  await visitSdist(
    path,
    {
      wanted: (member) => (isLock(member) && member.bytes <= LOCK_BYTES ? LOCK_BYTES : 0),
      take(member, content) {
        if (!isLock(member)) return;
        found.set(member.name, { member, content });
        const farthest = [...found.keys()].toSorted(nearestFirst).at(-1);
        if (found.size > MAX_LOCKS && farthest !== undefined) found.delete(farthest);
      },
    },
    signal,
  );
  return [...found].map(([name, { member, content }]) => {
    if (member.bytes > LOCK_BYTES)
      throw bad(
        `${quoted(name)} has ${member.bytes} bytes, and the most that is read of a Cargo.lock is ${LOCK_BYTES}`,
      );
    return readCargoLock(textOf(content, name), name);
  });
}

function nearestFirst(one: string, other: string): number {
  return one.split('/').length - other.split('/').length || (one < other ? -1 : 1);
}

function textOf(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad(`${quoted(name)} of the sdist is not UTF-8`);
  }
}

function bad(why: string): RennetError {
  return new RennetError('bad-metadata', `${why}.`);
}
