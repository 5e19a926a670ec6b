import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { Progress } from '../model/progress.ts';
import { formatTarget } from '../model/target.ts';
import type { AptRoot } from './apt.ts';
import { fetchContentsAsServed, WITHOUT_CONTENTS } from './apt-contents.ts';
import { layOutSources, learnForeign, writeWhole } from './apt-official.ts';
import { type AptResult, downloadPercent, runApt } from './apt-run.ts';

/** When the lists came and from which sources; a changed mirror makes them old at once. */
interface Stamp {
  readonly at: number;
  readonly sources: string;
}

const UNSIGNED_CONTENTS =
  'The Contents lists of the mirror do not fit its signed index and are used as they are, as config.toml says; packages are verified all the same.';

/** Implements `AptRoot.update`. */
export async function updateLists(
  root: AptRoot,
  maxAgeMs: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ updated: boolean; notes: readonly string[] }> {
  if (await isFresh(root, maxAgeMs)) return { updated: false, notes: [] };
  // What the operator named is official by his word.
  const isConfigured = root.settings.source.length > 0;
  if (!isConfigured && (await learnForeign(root.folder, {}, signal)))
    await layOutSources(root.target, root.folder, root.settings, signal);
  let result = await runUpdate(root, progress, signal);
  if (
    result.exitCode === 0 &&
    !isConfigured &&
    (await learnForeign(root.folder, { configFile: root.configFile }, signal))
  ) {
    await layOutSources(root.target, root.folder, root.settings, signal);
    result = await runUpdate(root, progress, signal);
  }
  const asServed = result.exitCode !== 0 && root.settings.contents === 'as-served';
  if (asServed) {
    result = await runUpdate(root, progress, signal, WITHOUT_CONTENTS);
    if (result.exitCode === 0) await fetchContentsAsServed(root, signal);
  }
  if (result.exitCode === 0) {
    const stamp: Stamp = { at: Date.now(), sources: await digestSources(root) };
    await writeWhole(join(root.folder, 'updated.json'), JSON.stringify(stamp));
    await forgetSolved(root.folder);
    return { updated: true, notes: asServed ? [UNSIGNED_CONTENTS] : [] };
  }
  const failure = updateFailure(formatTarget(root.target), result.complaints);
  // Some lists of a first update that failed are no lists of the suite: its security part may be what is missing.
  const stamp = await readStamp(root);
  const hasLists = stamp?.sources === (await digestSources(root)) && (await root.lists()).packages.length > 0;
  if (failure.code !== 'mirror-failed' || !hasLists) throw failure;
  return { updated: false, notes: [`${failure.message} The lists of the last successful update are used.`] };
}

/** Closures and apt's caches for single dpkg statuses (37 MB each) belong to the lists of before. */
async function forgetSolved(folder: string): Promise<void> {
  await rm(join(folder, 'closures'), { recursive: true, force: true });
  const cache = join(folder, 'cache');
  for (const name of await readdir(cache)) {
    if (name.startsWith('pkgcache-')) await rm(join(cache, name), { force: true });
  }
}

async function runUpdate(
  root: AptRoot,
  progress: Progress,
  signal: AbortSignal,
  options: readonly string[] = [],
): Promise<AptResult> {
  const doing = `refreshing the package lists of ${formatTarget(root.target)}`;
  progress({ doing });
  // With lists to fall back on, nobody waits for apt's long series of retries.
  const retries = (await root.lists()).packages.length > 0 ? ['-o', 'Acquire::Retries=1'] : [];
  return runApt(
    'apt-get',
    ['update', '--quiet=2', ...retries, ...options],
    {
      configFile: root.configFile,
      lock: join(root.folder, 'lock'),
      onStatus: (line) => {
        const percent = downloadPercent(line);
        if (percent !== undefined) progress({ doing, done: Math.round(percent), total: 100 });
      },
    },
    signal,
  );
}

async function isFresh(root: AptRoot, maxAgeMs: number): Promise<boolean> {
  const stamp = await readStamp(root);
  if (!stamp || (await root.lists()).packages.length === 0) return false;
  const age = Date.now() - stamp.at;
  return age >= 0 && age < maxAgeMs && stamp.sources === (await digestSources(root));
}

async function readStamp(root: AptRoot): Promise<Stamp | undefined> {
  const text = await readFile(join(root.folder, 'updated.json'), 'utf8').catch(() => '');
  const match = /^\{"at":(\d+),"sources":"([0-9a-f]{64})"\}$/.exec(text);
  return match ? { at: Number(match[1]), sources: match[2] ?? '' } : undefined;
}

async function digestSources(root: AptRoot): Promise<string> {
  return createHash('sha256')
    .update(await readFile(root.sourcesFile))
    .digest('hex');
}

/** apt tells its reasons in words only; the classes are read from apt's own (untranslated) messages. */
export function updateFailure(target: string, complaints: readonly string[]): RennetError {
  const find = (pattern: RegExp): string | undefined => complaints.find((line) => pattern.test(line));
  const signature = find(
    /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|GPG error|is not signed|isn't valid|signatures were invalid/,
  );
  if (signature !== undefined) {
    return new RennetError(
      'bad-signature',
      `apt refused the lists of ${target}: ${signature}`,
      "Nothing of them is used. Install the distribution's current archive keyring, or mend Signed-By in apt's sources.",
    );
  }
  const space = find(/No space left on device/);
  if (space !== undefined)
    return new RennetError('no-space', `There is no space for the package lists of ${target}: ${space}`);
  const missing = find(/does not have a Release file/);
  const network = find(/Could not resolve|Could not connect|Unable to connect|timed out|Temporary failure/);
  if (missing !== undefined && network === undefined) {
    return new RennetError(
      'bad-target',
      `The host's mirror does not carry ${target}: ${missing}`,
      'Choose another target or mirror.',
    );
  }
  const reason = network ?? complaints[0] ?? 'apt-get update failed without a word.';
  // Packages that do not fit are never used; of Contents lists the operator may think otherwise.
  const isContents = complaints.some((line) => /\/Contents-\S+ .*unexpected size|\/Contents-\S+ .*Hash Sum/.test(line));
  return new RennetError(
    'mirror-failed',
    `apt could not refresh the lists of ${target}: ${reason}`,
    isContents && network === undefined
      ? 'Try again when the mirror is through with its update; contents = "as-served" for the suite in config.toml takes its Contents lists as they are.'
      : 'Try again when the mirror answers.',
  );
}
