import { copyFile, lstat, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import type { Progress } from '../model/progress.ts';
import type { AptRoot, Deb } from './apt.ts';
import { downloadPercent, runApt } from './apt-run.ts';

const APT_HELPER = '/usr/lib/apt/apt-helper';

/** Implements `AptRoot.fetch`. Files appear under their final name only when whole and right, so several processes may share `folder`. */
export async function fetchDebs(
  root: AptRoot,
  debs: readonly Deb[],
  folder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const placeOf = (deb: Deb): string => join(folder, `${deb.sha256}.deb`);
  const missing: Deb[] = [];
  for (const deb of debs) {
    signal.throwIfAborted();
    if ((await digestOf(placeOf(deb))) !== deb.sha256) missing.push(deb);
  }
  const wanted = [...new Map(missing.map((deb) => [deb.sha256, deb])).values()];
  if (wanted.length > 0) await download(root, wanted, folder, placeOf, progress, signal);
  return debs.map(placeOf);
}

async function download(
  root: AptRoot,
  debs: readonly Deb[],
  folder: string,
  placeOf: (deb: Deb) => string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const total = debs.reduce((sum, deb) => sum + deb.bytes, 0);
  const doing = `downloading ${debs.length === 1 ? debs[0]?.package : `${debs.length} official packages`}`;
  progress({ doing, done: 0, total, unit: 'bytes' });
  const scratch = await mkdtemp(join(folder, `.fetch-${process.pid}-`));
  try {
    const parts = debs.map((deb) => join(scratch, `${deb.sha256}.part`));
    const triples = debs.flatMap((deb, index) => [deb.uri, parts[index] ?? '', `SHA256:${deb.sha256}`]);
    const result = await runApt(
      APT_HELPER,
      ['download-file', '-q', ...triples],
      {
        configFile: root.configFile,
        onStatus: (line) => {
          const percent = downloadPercent(line);
          if (percent !== undefined)
            progress({ doing, done: Math.round((total * percent) / 100), total, unit: 'bytes' });
        },
      },
      signal,
    );
    if (result.exitCode !== 0) throw fetchFailure(doing, result.complaints);
    for (const [index, deb] of debs.entries()) await accept(deb, parts[index] ?? '', placeOf(deb));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Trusts nobody's word on the hash, apt's neither. */
async function accept(deb: Deb, part: string, place: string): Promise<void> {
  const found = await digestOf(part);
  if (found !== deb.sha256) {
    throw new RennetError(
      'mirror-failed',
      `The mirror's ${deb.filename} has another sha256 than its signed index says.`,
      'Try again: the mirror may be in the middle of an update.',
    );
  }
  // apt links to the source of a file: mirror instead of copying it.
  if ((await lstat(part)).isSymbolicLink()) {
    await copyFile(part, `${part}.copy`);
    await rename(`${part}.copy`, place);
  } else {
    await rename(part, place);
  }
}

function fetchFailure(doing: string, complaints: readonly string[]): RennetError {
  const reason = complaints[0] ?? 'apt-helper failed without a word.';
  if (complaints.some((line) => line.includes('No space left'))) {
    return new RennetError('no-space', `There is no space left while ${doing}: ${reason}`);
  }
  return new RennetError(
    'mirror-failed',
    `The host's mirror failed while ${doing}: ${reason}`,
    'Try again; where the file is gone from the mirror, the lists are out of date.',
  );
}

async function digestOf(path: string): Promise<string | undefined> {
  return sha256OfFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
