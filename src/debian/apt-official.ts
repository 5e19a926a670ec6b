import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../host/files.ts';
import type { SuiteSettings } from '../host/settings.ts';
import { RennetError } from '../model/errors.ts';
import { formatTarget, type Target } from '../model/target.ts';
import { hostRelease, readHostSources } from './apt-host.ts';
import { type AptRun, runApt } from './apt-run.ts';
import { formatSources, officialSources, type SourceEntry } from './apt-sources.ts';

/**
 * A source may carry the release's name without being the distribution (many vendors publish `bookworm main`). What counts is the
 * `Origin` of its signed Release file. The root remembers in the file `foreign` which ones are not the distribution's.
 */
const OFFICIAL_ORIGINS = { debian: 'Debian', ubuntu: 'Ubuntu' } as const;

/**
 * Writes the root's sources: those that config.toml has for the suite, else official entries of the host, without those known to be foreign.
 * RennetError `bad-target` where none is left.
 */
export async function layOutSources(
  target: Target,
  root: string,
  settings: SuiteSettings,
  signal: AbortSignal,
): Promise<void> {
  const sources =
    settings.source.length > 0 ? configuredSources(settings, target) : await hostSources(target, root, signal);
  if (!sources.some((entry) => entry.suites.includes(target.suite))) {
    throw new RennetError(
      'bad-target',
      settings.source.length > 0
        ? `No source of [suite.${target.suite}] in config.toml has ${formatTarget(target)} itself.`
        : `apt on this host has no official source from which ${formatTarget(target)} could be reached.`,
      settings.source.length > 0
        ? 'Name the suite in "suites" of a source whose "architectures" hold the target\'s.'
        : "Add the distribution's own entry (component main) to /etc/apt/sources.list.d, name its mirror in config.toml (docs/operations.md), or choose another target.",
    );
  }
  await writeWhole(join(root, 'official.sources'), formatSources(sources));
}

/** The sources of `[[suite.NAME.source]]` that serve the target's architecture. Pure. */
export function configuredSources({ source }: SuiteSettings, { suite, architecture }: Target): SourceEntry[] {
  return source
    .filter(({ architectures }) => architectures?.includes(architecture) ?? true)
    .map(({ uris, suites, components, keyring }) => ({
      uris,
      suites: suites ?? [suite],
      components,
      options: { 'Signed-By': keyring, Architectures: architecture },
    }));
}

async function hostSources(target: Target, root: string, signal: AbortSignal): Promise<SourceEntry[]> {
  const [entries, release, foreign] = await Promise.all([readHostSources(signal), hostRelease(), readForeign(root)]);
  // The key names the host's suite or the target's: a vendor's mirror is foreign for both.
  const foreignUris = new Set([...foreign].map((line) => line.split(' ')[0] ?? ''));
  return officialSources(entries, release, target, (uri) => foreignUris.has(withSlash(uri)));
}

/**
 * Looks at the `Origin` of what apt has lists of: the host's own apt (`configFile` undefined) or the root's. Returns true and remembers them
 * where sources are foreign that were not known as such.
 */
export async function learnForeign(root: string, run: AptRun, signal: AbortSignal): Promise<boolean> {
  const { family } = await hostRelease();
  const format = '$(ORIGIN)\t$(REPO_URI)\t$(RELEASE)';
  const { stdout } = await runApt('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], run, signal);
  const known = await readForeign(root);
  const before = known.size;
  for (const line of stdout.split('\n')) {
    const [origin = '', uri = '', suite = ''] = line.split('\t');
    // No Release file yet: nothing is known, apt prints the placeholder or nothing.
    if (uri === '' || origin === '' || origin.startsWith('$(')) continue;
    if (origin !== OFFICIAL_ORIGINS[family]) known.add(`${withSlash(uri)} ${suite}`);
  }
  if (known.size === before) return false;
  await writeWhole(join(root, 'foreign'), [...known].toSorted().join('\n'));
  return true;
}

async function readForeign(root: string): Promise<Set<string>> {
  const text = await readFile(join(root, 'foreign'), 'utf8').catch(() => '');
  return new Set(text.split('\n').filter((line) => line !== ''));
}

function withSlash(uri: string): string {
  return uri.endsWith('/') ? uri : `${uri}/`;
}

/** Replaces a file of the root where its text differs: what was made from the same text stays newer than it. */
export async function writeWhole(path: string, text: string, mode?: number): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before !== text) await replaceFile(path, text, mode);
}
