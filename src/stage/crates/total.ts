import { RennetError } from '../../model/errors.ts';
import { run } from '../folders.ts';

/** The most that all unpacked crates of one sdist take together, files and folders. */
export const MOST = { bytes: 2 * 1024 ** 3, entries: 200_000 } as const;

/** What the crates of one sdist take, added up. */
export interface Total {
  /** Measures unpacked trees, on one file system. RennetError `bad-archive` beyond the bounds. */
  add(trees: readonly string[], signal: AbortSignal): Promise<void>;
}

export function startTotal(most: { readonly bytes: number; readonly entries: number } = MOST): Total {
  let bytes = 0;
  let entries = 0;
  return {
    async add(trees, signal) {
      if (trees.length === 0) return;
      bytes += await measure(trees, ['--apparent-size', '--block-size=1'], signal);
      if (bytes > most.bytes) throw tooMuch(`${most.bytes} bytes`);
      entries += await measure(trees, ['--inodes'], signal);
      if (entries > most.entries) throw tooMuch(`${most.entries} files and folders`);
    },
  };
}

async function measure(trees: readonly string[], how: readonly string[], signal: AbortSignal): Promise<number> {
  const lines = await run('du', ['--summarize', '--total', ...how, '--', ...trees], signal);
  return Number(lines.slice(lines.lastIndexOf('\n') + 1).split('\t')[0]);
}

function tooMuch(most: string): RennetError {
  return new RennetError('bad-archive', `The crates of the sdist's Cargo.lock unpack to more than ${most}.`);
}
