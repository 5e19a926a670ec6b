import { RennetError } from '../model/errors.ts';
import type { ReleaseFile } from '../model/release.ts';
import type { IndexClient } from '../python/client.ts';
import { parseMetadata } from '../python/metadata.ts';
import { normaliseProject } from '../python/name.ts';
import { compareVersions } from '../python/version.ts';
import type { Candidate } from './candidates.ts';
import type { Known } from './chooser.ts';

/** Faults of the release itself; everything else (network, disk, abort) ends the plan. */
const RELEASE_FAULTS = new Set(['bad-metadata', 'bad-archive', 'too-large', 'unknown-project']);

/** Reads the metadata of a candidate without running any of its code: that of a wheel first, then the sdist's own. */
export async function readCandidate(
  candidate: Candidate,
  project: string,
  index: IndexClient,
  signal: AbortSignal,
): Promise<Known> {
  let broken: string | undefined;
  for (const file of candidate.metadataFiles) {
    const known = await readFile(file, candidate.version, project, index, signal);
    if ('metadata' in known) return known;
    if ('broken' in known) broken ??= known.broken;
  }
  // A build can still tell what an sdist requires; a wheel that is built from nothing must be readable.
  if (broken !== undefined && candidate.source.kind === 'wheel') return { broken };
  return { untold: broken ?? 'only a build can tell its requirements' };
}

async function readFile(
  file: ReleaseFile,
  version: string,
  project: string,
  index: IndexClient,
  signal: AbortSignal,
): Promise<Known> {
  try {
    const found = await index.metadata(file, signal);
    if (found === undefined) return { untold: `${file.filename} does not tell its requirements` };
    const metadata = parseMetadata(found.bytes);
    if (normaliseProject(metadata.name) !== project || compareVersions(metadata.version, version) !== 0) {
      return { broken: `the metadata of ${file.filename} is that of ${metadata.name} ${metadata.version}` };
    }
    // PEP 643: what an sdist says holds for its wheels only from 2.2 on, and for fields that are not dynamic.
    const binding =
      file.kind === 'wheel' || (isFrom22(metadata.metadataVersion) && !metadata.dynamic.includes('requires-dist'));
    return binding ? { metadata } : { untold: `${file.filename} leaves its requirements to the build` };
  } catch (error) {
    if (error instanceof RennetError && RELEASE_FAULTS.has(error.code)) return { broken: error.message };
    throw error;
  }
}

function isFrom22(metadataVersion: string): boolean {
  return compareVersions(metadataVersion, '2.2') >= 0;
}
