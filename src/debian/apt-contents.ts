import { access, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AptRoot } from './apt.ts';
import { runApt } from './apt-run.ts';
import { parseSources } from './apt-sources.ts';

const APT_HELPER = '/usr/lib/apt/apt-helper';

/** Options with which an update passes over the Contents lists (apt-config.ts declares the two). */
export const WITHOUT_CONTENTS: readonly string[] = ['Contents-deb', 'Contents-deb-legacy'].flatMap((name) => [
  '-o',
  `Acquire::IndexTargets::deb::${name}::DefaultEnabled=false`,
]);

/**
 * Takes the suite's Contents lists as the mirror has them, whatever the signed index says of them: for an operator who allows it in
 * config.toml, where a mirror's lists stay behind its index. A part of the suite may have none. apt's next update removes them.
 */
export async function fetchContentsAsServed(root: AptRoot, signal: AbortSignal): Promise<void> {
  const sources = parseSources('x.sources', await readFile(root.sourcesFile, 'utf8'));
  for (const { uris, suites, components } of sources)
    for (const uri of uris)
      for (const suite of suites)
        for (const path of contentsPaths(root.target.architecture, components)) {
          const address = `${uri.replace(/\/$/, '')}/dists/${suite}/${path}.gz`;
          const file = join(root.folder, 'state/lists', address.replace(/^\w+:\/*/, '').replaceAll('/', '_'));
          if (await isThere(file)) continue;
          const partial = join(root.folder, 'state', 'contents.partial');
          await rm(partial, { force: true });
          await runApt(APT_HELPER, ['download-file', '-q', address, partial], { configFile: root.configFile }, signal);
          if (await isThere(partial)) await rename(partial, file);
        }
}

/** Debian keeps a list for each component, with what is for all architectures apart; Ubuntu one for the whole suite. */
function contentsPaths(architecture: string, components: readonly string[]): string[] {
  const names = [architecture, 'all'].map((it) => `Contents-${it}`);
  return [...components.flatMap((component) => names.map((name) => `${component}/${name}`)), names[0] ?? ''];
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
